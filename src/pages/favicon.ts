/** Where a page's icon is when its connector has none. Browsers ask for one by themselves otherwise. */
export const FAVICON_PATH = "/favicon.svg";

export const FAVICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="8" fill="#17191d"/>
<g fill="none" stroke="#fff" stroke-width="2.5" stroke-linecap="round" stroke-linejoin="round">
<circle cx="11" cy="16" r="4.5"/><path d="M15.5 16H26M21.5 16v4M26 16v3"/></g></svg>`;
