import type { Child } from "./markup/jsx-runtime.ts";
import type { Brand } from "./views.ts";
import { environmentTitle, initialOf, shown } from "./words.ts";

/** Text that somebody else chose: its direction stays its own. */
export function Foreign({ text }: { text: string }) {
  return <bdi>{shown(text)}</bdi>;
}

export function Code({ text }: { text: string }) {
  return (
    <code>
      <Foreign text={text} />
    </code>
  );
}

export function Codes({ texts }: { texts: string[] }) {
  return (
    <ul class="codes">
      {texts.map((text) => (
        <li>
          <Code text={text} />
        </li>
      ))}
    </ul>
  );
}

export function BrandHeader({ brand, about }: { brand: Brand; about: string }) {
  return (
    <header class="brand">
      <span class="tile" aria-hidden="true">
        {brand.iconPath === null ? (
          <Foreign text={initialOf(brand.name)} />
        ) : (
          <img class={brand.backgroundColor === null ? "whole" : undefined} src={brand.iconPath} alt="" />
        )}
      </span>
      <p>
        <span class="name">
          <Foreign text={brand.name} />
        </span>
        <br />
        <span class="muted">{about}</span>
      </p>
    </header>
  );
}

const SHAPES = {
  check: "M4 12.5l5.2 5.2L20 7",
  cross: "M6 6l12 12M18 6L6 18",
  clock: "M12 6.5V12l3.5 2.5M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18z",
  caution: "M12 9v4.5M12 17h.01M10.3 3.9L2.6 17.2A2 2 0 0 0 4.3 20.2h15.4a2 2 0 0 0 1.7-3L13.7 3.9a2 2 0 0 0-3.4 0z",
  circle: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM8 12h8",
} as const;

export type Shape = keyof typeof SHAPES;

export function Icon({ shape }: { shape: Shape }) {
  return (
    <svg
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      stroke-width="1.75"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
    >
      <path d={SHAPES[shape]} />
    </svg>
  );
}

/** The project that asks, in a list of facts. */
export function Asker({ projectName, environments }: { projectName: string; environments: string[] }) {
  return (
    <>
      <dt>Project</dt>
      <dd>
        <Foreign text={projectName} />
        {environments.map((environment) => (
          <>
            {" "}
            <span class="badge">
              <Foreign text={environmentTitle(environment)} />
            </span>
          </>
        ))}
      </dd>
    </>
  );
}

/** A field in which something is pasted; `problem` is what was wrong with the last try. */
export function PasteField(props: {
  name: string;
  label: Child;
  type?: "password";
  required?: boolean;
  value?: string;
  problem: string | null;
  /** The hint. */
  children?: Child;
}) {
  const { label, problem, children, ...input } = props;
  const { name } = input;
  const hint = `${name}-hint`;
  return (
    <div class="field">
      <label for={name}>{label}</label>
      <input
        id={name}
        {...input}
        autocomplete="off"
        autocapitalize="none"
        spellcheck="false"
        aria-describedby={problem === null ? hint : `${name}-problem ${hint}`}
        aria-invalid={problem === null ? undefined : "true"}
      />
      {problem !== null && (
        <p id={`${name}-problem`} class="problem" role="alert">
          <Foreign text={problem} />
        </p>
      )}
      <p id={hint} class="hint">
        {children}
      </p>
    </div>
  );
}

/** The two ways on. */
export function DecisionForm({ view, children }: { view: { action: string; formToken: string }; children?: Child }) {
  return (
    <form method="post" action={view.action}>
      <input type="hidden" name="form" value={view.formToken} />
      {children}
      <div class="actions">
        <button class="button primary armed" type="submit" name="decision" value="continue">
          Continue
        </button>
        <button class="button armed" type="submit" name="decision" value="cancel" formnovalidate>
          Cancel
        </button>
      </div>
    </form>
  );
}

export function Caution({ children }: { children?: Child }) {
  return (
    <div class="caution">
      <Icon shape="caution" />
      <div>
        <p>
          <strong>Continue only if you started this yourself.</strong>
        </p>
        <p>{children}</p>
      </div>
    </div>
  );
}
