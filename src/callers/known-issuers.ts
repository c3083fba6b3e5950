import type { ClaimValue } from "./issuer-record.ts";
import { ISSUER_PRESETS, type IssuerPreset, type IssuerPresetName } from "./presets.ts";

/** An issuer that we know by name, with what docs/callers.md says of it. Only scripts and tests read this. */
export interface KnownIssuer extends IssuerPreset {
  title: string;
  /** The vendor's page that all of this is from. */
  docs: string;
  /** Exact `iss`; `<…>` is the customer's own part. */
  issuer: string;
  /** Claims whose values never come to stand for anything else. */
  immutableClaims: readonly string[];
  /** What docs/callers.md shows, and the tests register: a production workload of somebody called acme. */
  example: { issuer: string; audience?: string; claims: Readonly<Record<string, ClaimValue>> };
}

export const KNOWN_ISSUERS = {
  vercel: {
    ...ISSUER_PRESETS.vercel,
    title: "Vercel",
    docs: "https://vercel.com/docs/oidc/reference",
    // The team issuer mode. In the global mode one `iss` serves every team, and only `owner_id` tells them apart.
    issuer: "https://oidc.vercel.com/<team slug>",
    immutableClaims: ["owner_id", "project_id"],
    example: {
      issuer: "https://oidc.vercel.com/acme",
      claims: {
        owner_id: "team_7Gw5ZMzpQA8h90F832KGp7nwbuh3",
        project_id: "prj_7Gw5ZMBpQA8h9GF832KGp7nwbuh3",
        environment: "production",
      },
    },
  },
  "github-actions": {
    ...ISSUER_PRESETS["github-actions"],
    title: "GitHub Actions",
    docs: "https://docs.github.com/en/actions/reference/security/oidc",
    issuer: "https://token.actions.githubusercontent.com",
    immutableClaims: ["repository_id", "repository_owner_id"],
    example: {
      issuer: "https://token.actions.githubusercontent.com",
      claims: {
        repository_id: "74",
        repository_owner_id: "65",
        event_name: "push",
        ref: "refs/heads/main",
        environment: "production",
      },
    },
  },
  gitlab: {
    ...ISSUER_PRESETS.gitlab,
    title: "GitLab",
    docs: "https://docs.gitlab.com/ci/secrets/id_token_authentication/",
    issuer: "https://gitlab.com",
    immutableClaims: ["project_id", "job_project_id"],
    example: {
      issuer: "https://gitlab.com",
      claims: {
        // Whose code runs, and where it runs: a merge request's pipeline can make them differ. Both since GitLab 18.4.
        project_id: "20",
        job_project_id: "20",
        ref_path: "refs/heads/main",
        ref_protected: "true",
        environment: "production",
      },
    },
  },
  google: {
    ...ISSUER_PRESETS.google,
    title: "Google Cloud",
    docs: "https://docs.cloud.google.com/docs/authentication/token-types#id",
    issuer: "https://accounts.google.com",
    immutableClaims: ["sub"],
    example: { issuer: "https://accounts.google.com", claims: { sub: "104029292853099978293" } },
  },
  kubernetes: {
    ...ISSUER_PRESETS.kubernetes,
    title: "Kubernetes",
    docs: "https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/",
    issuer: "https://<the cluster's own issuer>",
    immutableClaims: ["/kubernetes.io/serviceaccount/uid"],
    example: {
      issuer: "https://oidc.eks.eu-west-1.amazonaws.com/id/8F1E2D3C4B5A69788796A5B4C3D2E1F0",
      claims: {
        "/kubernetes.io/serviceaccount/uid": "a709ef71-30e2-489a-bd19-ade97031b9db",
        sub: "system:serviceaccount:production:worker",
      },
    },
  },
  "cloudflare-access": {
    ...ISSUER_PRESETS["cloudflare-access"],
    title: "Cloudflare Access",
    docs: "https://developers.cloudflare.com/cloudflare-one/access-controls/applications/http-apps/authorization-cookie/application-token/",
    issuer: "https://<team name>.cloudflareaccess.com",
    immutableClaims: ["common_name"],
    example: {
      issuer: "https://acme.cloudflareaccess.com",
      audience: "32eafc7626e974616deaf0dc3ce63d7bcbed58a2731e84d06bc3cdf1b53c4228",
      claims: { common_name: "e367826f93b8d71185e03fe518aff3b4.access", type: "app" },
    },
  },
  fly: {
    ...ISSUER_PRESETS.fly,
    title: "Fly.io",
    docs: "https://fly.io/docs/security/openid-connect/",
    issuer: "https://oidc.fly.io/<organization slug>",
    // Unconfirmed: the page shows the ids and does not say that they are never reused.
    immutableClaims: ["app_id", "org_id"],
    example: { issuer: "https://oidc.fly.io/acme", claims: { app_id: "3671581", org_id: "29873298" } },
  },
  buildkite: {
    ...ISSUER_PRESETS.buildkite,
    title: "Buildkite",
    docs: "https://buildkite.com/docs/agent/cli/reference/oidc",
    issuer: "https://agent.buildkite.com",
    immutableClaims: ["organization_id", "pipeline_id"],
    example: {
      issuer: "https://agent.buildkite.com",
      claims: {
        organization_id: "f892efa9-103e-4d28-97a1-3b8616a0994d",
        pipeline_id: "0184990a-4782-42b5-afc1-16715b10b1f0",
        build_branch: "main",
      },
    },
  },
  circleci: {
    ...ISSUER_PRESETS.circleci,
    title: "CircleCI",
    docs: "https://circleci.com/docs/guides/permissions-authentication/openid-connect-tokens/",
    issuer: "https://oidc.circleci.com/org/<organization id>",
    immutableClaims: ["oidc.circleci.com/project-id"],
    example: {
      issuer: "https://oidc.circleci.com/org/c9035eb6-6eb2-4c85-8a81-d9ed6a1d1d1e",
      claims: {
        "oidc.circleci.com/project-id": "3a2f5b1c-7d4e-4f6a-9b8c-0d1e2f3a4b5c",
        "oidc.circleci.com/vcs-origin": "github.com/acme/shop",
        "oidc.circleci.com/vcs-ref": "refs/heads/main",
        "oidc.circleci.com/ssh-rerun": false,
      },
    },
  },
  "hcp-terraform": {
    ...ISSUER_PRESETS["hcp-terraform"],
    title: "HCP Terraform",
    docs: "https://developer.hashicorp.com/terraform/cloud-docs/dynamic-provider-credentials/workload-identity-tokens",
    issuer: "https://app.terraform.io",
    immutableClaims: ["terraform_organization_id", "terraform_project_id", "terraform_workspace_id"],
    example: {
      issuer: "https://app.terraform.io",
      claims: {
        terraform_organization_id: "org-GRNbCjYNpBB6NEH9",
        terraform_workspace_id: "ws-mbsd5E3Ktt5Rg2Xm",
        terraform_run_phase: "apply",
      },
    },
  },
  spiffe: {
    ...ISSUER_PRESETS.spiffe,
    title: "SPIFFE (JWT-SVID)",
    docs: "https://github.com/spiffe/spiffe/blob/main/standards/JWT-SVID.md",
    issuer: "https://<the trust domain's jwt_issuer>",
    immutableClaims: [],
    example: {
      issuer: "https://spire.example.org",
      claims: { sub: "spiffe://example.org/ns/production/sa/worker" },
    },
  },
} as const satisfies Record<IssuerPresetName, KnownIssuer>;
