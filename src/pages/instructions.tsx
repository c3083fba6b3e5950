import { micromark } from "micromark";

// Pictures would be loaded from elsewhere, and markup in the text is to be shown as text.
const WITHOUT_PICTURES = { disable: { null: ["labelStartImage", "htmlFlow", "htmlText"] } };

/** The operator's Markdown (CommonMark): no markup of theirs, no pictures, links to https and mailto only. */
export function Instructions({ markdown }: { markdown: string }) {
  const __html = instructionsHtml(markdown);
  // biome-ignore lint/security/noDangerouslySetInnerHtml: micromark escapes all text, and this is the only place.
  return <div class="instructions" dangerouslySetInnerHTML={{ __html }} />;
}

/** Every `<` in micromark's output is markup of its own, because it escapes those of the text. */
export function instructionsHtml(markdown: string): string {
  return micromark(markdown, { extensions: [WITHOUT_PICTURES] })
    .replace(/<a href="([^"]*)"/g, (_, href: string) =>
      /^(https:\/\/|mailto:)/i.test(href) ? `<a href="${href}" target="_blank" rel="noopener noreferrer"` : "<a",
    )
    .replace(/<(\/?)h[1-6]>/g, "<$1h3>");
}
