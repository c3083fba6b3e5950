/** The closed list of connector types on the wire; typed clients have it as an enum. */
export const CONNECTOR_TYPES = [
  "api-key",
  "aws-alpha",
  "custom",
  "discord",
  "github",
  "linear",
  "linq",
  "microsoft-entra",
  "microsoft-teams",
  "oauth",
  "photon",
  "salesforce",
  "sendblue",
  "slack",
  "snowflake",
  "snowflake-wif",
] as const;

export type ConnectorType = (typeof CONNECTOR_TYPES)[number];
