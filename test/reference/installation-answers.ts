/** Routes whose answers test/installations/endpoints.test.ts holds to their shapes. */
export const INSTALLATION_ANSWERS = [
  "GET /v1/connect/connectors/:c/installations",
  "POST /v1/connect/connectors/:c/installations",
  "GET /v1/connect/connectors/:c/installations/:id",
  "POST /v1/connect/install/:c",
];
