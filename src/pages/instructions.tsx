import { type Block, parseMarkdown } from "./markdown-blocks.ts";
import type { Inline } from "./markdown-inline.ts";
import type { Child } from "./markup/jsx-runtime.ts";

/** The operator's Markdown: no markup of theirs, no pictures, links to https and mailto only. */
export function Instructions({ markdown }: { markdown: string }) {
  return <div class="instructions">{parseMarkdown(markdown).map(drawnBlock)}</div>;
}

function drawnBlock(block: Block): Child {
  switch (block.kind) {
    case "paragraph":
      return <p>{block.content.map(drawn)}</p>;
    // The page has its own headings, and the operator's are below them.
    case "heading":
      return <h3>{block.content.map(drawn)}</h3>;
    case "code":
      return (
        <pre>
          <code>{block.text}</code>
        </pre>
      );
    case "rule":
      return <hr />;
    case "quote":
      return <blockquote>{block.blocks.map(drawnBlock)}</blockquote>;
    case "list": {
      const items = block.items.map((item) => <li>{drawnItem(item)}</li>);
      return block.start === null ? <ul>{items}</ul> : <ol start={block.start}>{items}</ol>;
    }
  }
}

/** An item of one paragraph is not set apart as one. */
function drawnItem(blocks: Block[]): Child {
  const paragraphs = blocks.filter(({ kind }) => kind === "paragraph").length;
  return blocks.map((block) =>
    block.kind === "paragraph" && paragraphs === 1 ? block.content.map(drawn) : drawnBlock(block),
  );
}

function drawn(inline: Inline): Child {
  switch (inline.kind) {
    case "text":
      return inline.text;
    case "code":
      return <code>{inline.text}</code>;
    case "strong":
      return <strong>{inline.content.map(drawn)}</strong>;
    case "emphasis":
      return <em>{inline.content.map(drawn)}</em>;
    case "link":
      return (
        <a href={inline.href} target="_blank" rel="noopener noreferrer">
          {inline.content.map(drawn)}
        </a>
      );
    case "break":
      return <br />;
  }
}
