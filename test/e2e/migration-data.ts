/**
 * Rows for every table that a migration brought, as the software of that version would write them. Whoever adds a
 * table adds rows for it here; rows of older versions stay as they are.
 */
const DATA: Record<number, string> = {
  1: `
    INSERT INTO team (id, name, revocation_clock_ms, revoked_before_ms, created_at_ms) VALUES ('team_a', 'A', 7, 3, 1);
    INSERT INTO projects VALUES ('prj_a', 'shop', 'Shop', 2, 1, 1), ('prj_b', 'web', 'Web', 0, 2, 3);
    INSERT INTO environments VALUES ('prj_a', 'production', 'production', 'https://shop.example', 1, 1),
      ('prj_a', 'env_qa', 'qa', NULL, 1, 1);
    INSERT INTO access_tokens VALUES ('tok_a', 'owner', 'owner', NULL, NULL, NULL, 'mac', 'k1', 1, NULL),
      ('tok_b', 'runtime', 'developer', 'prj_a', 'production', 'ada', 'mac2', 'k0', 2, 99);
    INSERT INTO issuers (id, issuer, audience, preset, selector_claim, algorithms, max_token_age_ms, one_time_tokens,
        jwks_uri, jwks, jwks_fetched_at_ms, created_at_ms)
      VALUES ('iss_a', 'https://idp.example', 'aud', NULL, 'sub', '["RS256"]', 1, 1, '', '{"keys":[]}', 1, 1);
    INSERT INTO used_token_ids VALUES ('iss_a', 'jti', 99);
    INSERT INTO identities VALUES ('idn_a', 'iss_a', '"x"', 'prj_a', 'production', '{"sub":"x"}', 1);
    INSERT INTO issuer_keys (kid, alg, public_jwk, private_jwk_sealed, private_jwk_kid, created_at_ms)
      VALUES ('thumb', 'ES256', '{}', 'sealed', 'k1', 5);
    INSERT INTO connectors (id, uid, name, type, service, config, secrets_sealed, secrets_kid, secret_names,
        secrets_generation, revision, config_revision, lease_seconds, previous_lease_seconds, lease_changed_at_ms,
        minimum_binding, region, branding, created_by, updated_by, revoked_before_ms, created_at_ms, updated_at_ms,
        deleted_at_ms)
      VALUES ('scl_a', 'oauth/a', 'A', 'oauth', 'oauth', '{"a":1}', 'sealed', 'k1', '["clientSecret"]', 3, 5, 4, 60, 30, 9,
        'finalize', 'eu', '{}', NULL, NULL, 6, 1, 2, NULL),
      ('scl_b', 'oauth/a', 'gone', 'oauth', 'oauth', '{}', NULL, NULL, '[]', 0, 1, 1, 0, 0, 0,
        'confirm', NULL, '{}', '{"type":"user","id":"u"}', NULL, 0, 1, 2, 3);
    INSERT INTO links (id, connector_id, project_id, environments, installations, subjects, subject_namespace, scopes,
        return_origins, webhook_origins, revoked_before_ms, created_at_ms, updated_at_ms)
      VALUES ('lnk_a', 'scl_a', 'prj_a', '["production"]', NULL, NULL, 'ns', '["read"]', NULL, NULL, 1, 1, 2);
    INSERT INTO grants (name, connector_id, installation_id, subject_type, subject_namespace, subject_issuer, subject_id,
        partition, created_at_ms, seen_at_ms)
      VALUES ('g1:a', 'scl_a', NULL, 'app', NULL, NULL, NULL, 'shared', 1, 2),
      ('g1:b', 'scl_b', NULL, 'user', 'ns', 'https://idp.example', 'ada', 'production', 1, 2);
    INSERT INTO revocation_walks VALUES ('scl_b', 6, 'g1:a', 1, 10, 5);`,
  2: "INSERT INTO key_reseal (singleton, primary_kid, stage, due_at_ms, started_at_ms) VALUES (1, 'k2', 'grants', 5, 4);",
  4: `
    INSERT INTO idempotency_keys VALUES ('hash', 1, 'sealed', 'k1', 99), ('claimed', 2, NULL, NULL, 98);`,
  5: `
    INSERT INTO authorization_requests (id, verifier_hash, connector_id, project_id, link_id, environment, grant_name,
        request, config_revision, revoked_before_ms, binding, status, created_at_ms, expires_at_ms)
      VALUES ('sca_a', 'vh', 'scl_a', 'prj_a', 'lnk_a', 'production', 'g1:b', '{}', 4, 6, 'finalize', 'pending', 5, 600);`,
  6: `
    INSERT INTO triggers VALUES ('scl_b', '00ff', 1, 0, '{"provider":"github"}', '["push"]', 1048576, 1, 7, 'sealed', 'k1', 2,
      3, 1, 2);
    INSERT INTO destinations (id, connector_id, url, project_id, environment, path, branch, audience, events, filter,
        retry_schedule, timeout_ms, max_in_flight, rate_per_second, responder, disabled_reason, secrets_sealed, secrets_kid,
        created_at_ms, updated_at_ms)
      VALUES ('dst_a', 'scl_a', 'https://hooks.example/in', NULL, NULL, NULL, NULL, 'https://hooks.example/in', '["push"]',
        '{"tenants":["1"]}', '[5,30]', 10000, 5, 10, 1, 'gone', 'sealed', 'k1', 1, 2),
      ('dst_b', 'scl_a', NULL, 'prj_a', 'env_qa', '/github', NULL, 'project:prj_a:env_qa/github', NULL, NULL, '[5]', 10000,
        5, NULL, 0, NULL, 'sealed', 'k0', 1, 2);`,
  7: `
    INSERT INTO installations (id, connector_id, tenant_id, external_id, name, state, created_at_ms, updated_at_ms)
      VALUES ('ins_a', 'scl_a', '77', '4711', 'acme', 'active', 1, 2);
    INSERT INTO installation_requests (id, verifier_hash, connector_id, request, revoked_before_ms, status, created_at_ms,
        expires_at_ms)
      VALUES ('sci_a', 'vh2', 'scl_a', '{}', 6, 'installing', 5, 600);`,
};

/** Rows for every table of the event log's first version. */
export const EVENTS_DATA = `
  INSERT INTO events (id, connector_id, dedup_key, dedup_signed, tenants, received_at_ms, headers, size, body_sha256,
      state, body_sealed, body_kid, expires_at_ms)
    VALUES ('evt_a', 'scl_a', 'k', 1, '[]', 1, '{}', 0, '', 'unrouted', 'sealed', 'k1', 9);
  INSERT INTO deliveries (id, event_id, connector_id, destination_id, series, lane, state, created_at_ms, updated_at_ms)
    VALUES ('dlv_a', 'evt_a', 'scl_a', 'dst_a', 0, 0, 'pending', 1, 2);
  INSERT INTO dead_letters VALUES ('a', 'scl_a', NULL, 'unreadable', '{"v":9}', 1, 2);
  INSERT INTO replays (id, request, state, created_at_ms, updated_at_ms) VALUES ('rpl_a', '{}', 'running', 1, 2);`;

/** SQL that fills what the migration of that version brought; nothing where it brought no table. */
export function dataOf(version: number): string {
  return DATA[version] ?? "";
}
