interface ImportMeta {
  /** Vite's; here only for texts. */
  glob(patterns: string[], options: { query: "?raw"; import: "default"; eager: true }): Record<string, string>;
}
