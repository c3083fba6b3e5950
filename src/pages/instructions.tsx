import { micromark } from "micromark";

/** Markup in the text is shown as the text that it is. */
const WITHOUT_MARKUP = { disable: { null: ["htmlFlow", "htmlText"] } };

/** The operator's Markdown (CommonMark): no markup of theirs, no pictures, links to https and mailto only. */
export function Instructions({ markdown }: { markdown: string }) {
  const __html = instructionsHtml(markdown);
  // biome-ignore lint/security/noDangerouslySetInnerHtml: micromark escapes all text, and this is the only place.
  return <div class="instructions" dangerouslySetInnerHTML={{ __html }} />;
}

/** Every `<` in micromark's output begins a tag of its own, because it escapes those of the text. */
export function instructionsHtml(markdown: string): string {
  return micromark(markdown, { extensions: [WITHOUT_MARKUP] }).replace(/<[^>]*>/g, allowedTag);
}

const LINK = /^<a href="((?:https:\/\/|mailto:)[^"]*)"/i;
const IMAGE = /^<img src="[^"]*" alt="([^"]*)"/;
const HEADING = /^<(\/?)h[1-6]>$/;

function allowedTag(tag: string): string {
  const [, href] = LINK.exec(tag) ?? [];
  if (href !== undefined) return `<a href="${href}" target="_blank" rel="noopener noreferrer">`;
  if (tag.startsWith("<a")) return "<a>";
  const [, alternative] = IMAGE.exec(tag) ?? [];
  if (alternative !== undefined) return alternative;
  // The page has its own headings, and the operator's are below them.
  return tag.replace(HEADING, "<$1h3>");
}
