import type { IssuerPresetName } from "../../src/callers/presets.ts";
import type { ErrorCode } from "../../src/errors.ts";

type Claims = Record<string, unknown>;

/** A token of a vendor, beside what every token has (`iss`, `aud`, `iat`, `exp`). Names and types are the vendor's. */
export interface VendorToken {
  /** From the vendor's page of the preset; values are those of the documented example rule. */
  claims: Claims;
  /** Where its discovery document says the keys are; null where the preset knows. */
  jwksPath: string | null;
  lifetimeSeconds: number;
  alg?: "RS256" | "ES256";
  header?: Claims;
  /** `aud` is a list of one. */
  audienceList?: true;
  /** Other tokens of the same workload: changes to the claims (undefined removes one). */
  accepted?: Record<string, Claims>;
  /** The nearest tokens that must not pass, named by what they are. */
  refused: Record<string, Claims & { iss?: string; aud?: string }>;
  /** Code of a refusal that is not `forbidden`, by the same names. */
  codes?: Record<string, ErrorCode>;
}

const github = {
  jti: "8b2c1f0e-6a4d-4c3b-9e2a-5d7f1c0b9a8e",
  sub: "repo:octo-org/octo-repo:environment:production",
  environment: "production",
  ref: "refs/heads/main",
  sha: "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
  repository: "octo-org/octo-repo",
  repository_owner: "octo-org",
  actor_id: "12",
  repository_visibility: "private",
  repository_id: "74",
  repository_owner_id: "65",
  run_id: "36905461215",
  run_number: "10",
  run_attempt: "2",
  runner_environment: "github-hosted",
  actor: "octocat",
  workflow: "example-workflow",
  head_ref: "",
  base_ref: "",
  event_name: "push",
  ref_type: "branch",
  ref_protected: "true",
  job_workflow_ref: "octo-org/octo-automation/.github/workflows/oidc.yml@refs/heads/main",
};

export const VENDOR_TOKENS: Record<IssuerPresetName, VendorToken> = {
  vercel: {
    jwksPath: "/.well-known/jwks",
    lifetimeSeconds: 3600,
    claims: {
      sub: "owner:acme:project:acme_website:environment:production",
      scope: "owner:acme:project:acme_website:environment:production",
      owner: "acme",
      owner_id: "team_7Gw5ZMzpQA8h90F832KGp7nwbuh3",
      project: "acme_website",
      project_id: "prj_7Gw5ZMBpQA8h9GF832KGp7nwbuh3",
      environment: "production",
      plan: "pro",
    },
    refused: {
      "B-04 another team's, of its own issuer and signed by the shared keys": {
        iss: "https://oidc.vercel.com/mallory",
      },
      "B-04 one of the global issuer mode, which serves every team": { iss: "https://oidc.vercel.com" },
      "B-04 one of the same issuer that names another team": { owner_id: "team_mallory00000000000000000" },
      "B-09 one of a project that took over the name": { project_id: "prj_recycled0000000000000000" },
      "B-10 a preview deployment's": {
        environment: "preview",
        sub: "owner:acme:project:acme_website:environment:preview",
      },
      "B-10 a developer's, twelve hours long": { environment: "development", user_id: "usr_1" },
      "B-10 one in another case": { environment: "Production" },
      "B-10 one without an environment": { environment: undefined },
      "B-05 one with the team's default audience": { aud: "https://vercel.com/acme" },
    },
    codes: {
      "B-04 another team's, of its own issuer and signed by the shared keys": "issuer_not_trusted",
      "B-04 one of the global issuer mode, which serves every team": "issuer_not_trusted",
      "B-05 one with the team's default audience": "audience_mismatch",
    },
  },

  "github-actions": {
    jwksPath: "/.well-known/jwks",
    lifetimeSeconds: 300,
    header: { x5t: "example-thumbprint" },
    claims: github,
    accepted: {
      "one with the immutable subject of repositories since July 2026": {
        sub: "repo:octo-org@65/octo-repo@74:environment:production",
      },
      "one of the same repository under a new name": {
        repository: "renamed/shop",
        repository_owner: "renamed",
        sub: "repo:renamed/shop:environment:production",
      },
    },
    refused: {
      "B-09 a fork's own": {
        repository: "mallory/octo-repo",
        repository_id: "99",
        repository_owner: "mallory",
        repository_owner_id: "98",
        sub: "repo:mallory/octo-repo:environment:production",
      },
      "B-09 a pull request's, in a job that names the environment": {
        event_name: "pull_request",
        ref: "refs/pull/7/merge",
        head_ref: "patch-1",
        base_ref: "main",
      },
      "B-09 one of pull_request_target, which runs with the base branch as its ref": {
        event_name: "pull_request_target",
        head_ref: "patch-1",
        base_ref: "main",
      },
      "B-09 one of a repository that took over the name": { repository_id: "7401", repository_owner_id: "6501" },
      "B-09 one of an organization that took over the name": { repository_owner_id: "6501" },
      "B-09 one of a tag that is named like the branch": { ref: "refs/tags/main", ref_type: "tag" },
      "B-09 one of a branch whose name begins like it": { ref: "refs/heads/main-2" },
      "B-10 one of another environment": {
        environment: "staging",
        sub: "repo:octo-org/octo-repo:environment:staging",
      },
      "B-10 one of a job without environment": {
        environment: undefined,
        sub: "repo:octo-org/octo-repo:ref:refs/heads/main",
      },
      "B-07 one whose id is a number": { repository_id: 74 },
      "B-04 one of an enterprise's own issuer": { iss: "https://token.actions.githubusercontent.com/octo" },
      "B-05 one with the owner's default audience": { aud: "https://github.com/octo-org" },
    },
    codes: {
      "B-04 one of an enterprise's own issuer": "issuer_not_trusted",
      "B-05 one with the owner's default audience": "audience_mismatch",
    },
  },

  gitlab: {
    jwksPath: "/oauth/discovery/keys",
    lifetimeSeconds: 3600,
    claims: {
      namespace_id: "72",
      namespace_path: "my-group",
      project_id: "20",
      project_path: "my-group/my-project",
      job_project_id: "20",
      job_project_path: "my-group/my-project",
      job_namespace_id: "72",
      job_namespace_path: "my-group",
      user_id: "1",
      user_login: "sample-user",
      user_email: "sample-user@example.com",
      user_access_level: "owner",
      user_identities: [{ provider: "github", extern_uid: "2435223452345" }],
      pipeline_id: "574",
      pipeline_source: "push",
      job_id: "302",
      ref: "main",
      ref_type: "branch",
      ref_path: "refs/heads/main",
      ref_protected: "true",
      groups_direct: ["mygroup/mysubgroup"],
      environment: "production",
      environment_protected: "false",
      deployment_tier: "production",
      environment_action: "start",
      runner_id: 1,
      runner_environment: "gitlab-hosted",
      sha: "714a629c0b401fdce83e847fc9589983fc6f46bc",
      project_visibility: "public",
      ci_config_ref_uri: "gitlab.com/my-group/my-project//.gitlab-ci.yml@refs/heads/main",
      ci_config_sha: "714a629c0b401fdce83e847fc9589983fc6f46bc",
      jti: "235b3a54-b797-45c7-ae9a-f72d7bc6ef5b",
      sub: "project_path:my-group/my-project:ref_type:branch:ref:main",
    },
    accepted: {
      "one after the project has moved": {
        project_path: "other/place",
        job_project_path: "other/place",
        namespace_id: "9",
        job_namespace_id: "9",
        sub: "project_path:other/place:ref_type:branch:ref:main",
      },
    },
    refused: {
      "B-09 one of a fork's merge request that runs in our project": {
        project_id: "99",
        project_path: "mallory/my-project",
        pipeline_source: "merge_request_event",
        sub: "project_path:mallory/my-project:ref_type:branch:ref:main",
      },
      "B-09 the same of an instance that named our project there, before job_project_id": {
        job_project_id: undefined,
        job_project_path: undefined,
        pipeline_source: "merge_request_event",
      },
      "B-09 a fork's own": { project_id: "99", job_project_id: "99", project_path: "mallory/my-project" },
      "B-09 our code in somebody else's project": { job_project_id: "99", job_project_path: "mallory/x" },
      "B-09 one of a project that took over the path": { project_id: "2001", job_project_id: "2001" },
      "B-09 one of an unprotected branch of the same name": { ref_protected: "false" },
      "B-09 one of a tag that is named like the branch": { ref_type: "tag", ref_path: "refs/tags/main" },
      "B-10 one of another environment": { environment: "staging" },
      "B-10 one of a job without environment": { environment: undefined, deployment_tier: undefined },
      "B-07 one whose flag is a boolean": { ref_protected: true },
      "B-04 one of another instance, with the same ids": { iss: "https://gitlab.mallory.example" },
    },
    codes: { "B-04 one of another instance, with the same ids": "issuer_not_trusted" },
  },

  google: {
    jwksPath: null,
    lifetimeSeconds: 3600,
    claims: {
      azp: "104029292853099978293",
      sub: "104029292853099978293",
      email: "worker@acme-production.iam.gserviceaccount.com",
      email_verified: true,
    },
    accepted: {
      "one of an instance, in the full format": {
        google: {
          compute_engine: {
            instance_creation_timestamp: 1496953245,
            instance_id: "152986662232938449",
            instance_name: "worker-1",
            project_id: "acme-production",
            project_number: 739419398126,
            zone: "us-west1-a",
          },
        },
      },
      "one without the email": { email: undefined, email_verified: undefined },
    },
    refused: {
      "B-09 one of an account that was created again under the email": {
        sub: "117000000000000000001",
        azp: "117000000000000000001",
      },
      "B-09 one of any other project's account, which may ask for our audience": {
        sub: "100000000000000000042",
        azp: "100000000000000000042",
        email: "worker@mallory.iam.gserviceaccount.com",
      },
      "B-09 a person's": { sub: "10769150350006150715113082367", azp: "1234.apps.googleusercontent.com" },
      "B-07 one whose id is a number that rounds to it": { sub: Number("104029292853099978293") },
      "B-04 one with the issuer's old spelling": { iss: "accounts.google.com" },
    },
    codes: {
      "B-07 one whose id is a number that rounds to it": "token_claims_invalid",
      "B-04 one with the issuer's old spelling": "issuer_not_trusted",
    },
  },

  kubernetes: {
    jwksPath: "/keys",
    lifetimeSeconds: 3607,
    header: { typ: undefined },
    audienceList: true,
    claims: {
      jti: "e51f1fbc-4733-4b85-a59f-ba80c0523874",
      "kubernetes.io": {
        namespace: "production",
        node: { name: "node-1", uid: "517eb86e-b863-451b-bf70-86cb61439a3a" },
        pod: { name: "worker-7d9f", uid: "900f80ed-bafe-49f0-9ae2-c5f0a3ac2cbe" },
        serviceaccount: { name: "worker", uid: "a709ef71-30e2-489a-bd19-ade97031b9db" },
      },
      sub: "system:serviceaccount:production:worker",
    },
    refused: {
      "B-21 one of a service account that was created again under the name": {
        "kubernetes.io": {
          namespace: "production",
          serviceaccount: { name: "worker", uid: "00000000-30e2-489a-bd19-ade97031b9db" },
        },
      },
      "B-21 one of the same name in another namespace": {
        "kubernetes.io": {
          namespace: "staging",
          serviceaccount: { name: "worker", uid: "b809ef71-30e2-489a-bd19-ade97031b9db" },
        },
        sub: "system:serviceaccount:staging:worker",
      },
      "B-21 an old one, whose claims are flat": {
        "kubernetes.io": undefined,
        "kubernetes.io/serviceaccount/namespace": "production",
        "kubernetes.io/serviceaccount/service-account.name": "worker",
        "kubernetes.io/serviceaccount/service-account.uid": "a709ef71-30e2-489a-bd19-ade97031b9db",
      },
      "B-21 one whose uid is where the pointer would be, had it been a name": {
        "kubernetes.io": { namespace: "production" },
        "/kubernetes.io/serviceaccount/uid": "a709ef71-30e2-489a-bd19-ade97031b9db",
      },
      "B-21 one of another cluster, with the same names": {
        iss: "https://oidc.eks.eu-west-1.amazonaws.com/id/00000000000000000000000000000000",
      },
      "B-05 one for the API server": { aud: "https://kubernetes.default.svc.cluster.local" },
    },
    codes: {
      "B-21 one of another cluster, with the same names": "issuer_not_trusted",
      "B-05 one for the API server": "audience_mismatch",
    },
  },

  "cloudflare-access": {
    jwksPath: null,
    lifetimeSeconds: 60,
    audienceList: true,
    claims: { type: "app", common_name: "e367826f93b8d71185e03fe518aff3b4.access", sub: "" },
    refused: {
      "B-09 one of another service token": { common_name: "00007826f93b8d71185e03fe518aff3b.access" },
      "B-09 a person's": {
        common_name: undefined,
        sub: "7335d417-61da-459d-899c-0a01c76a2f94",
        email: "user@example.com",
        identity_nonce: "6ei69kawdKzMIAPF",
        country: "US",
      },
      "B-09 one of the global session": { type: "org" },
      "B-05 one of another application": { aud: "97e2aae120121f902df8bc99fc345913ab186d174f3079ea729236766b2e7c4a" },
      "B-04 one of another team": { iss: "https://mallory.cloudflareaccess.com" },
    },
    codes: {
      "B-05 one of another application": "audience_mismatch",
      "B-04 one of another team": "issuer_not_trusted",
    },
  },

  fly: {
    jwksPath: "/.well-known/jwks",
    lifetimeSeconds: 600,
    claims: {
      app_id: "3671581",
      app_name: "shop",
      image: "docker-hub-mirror.fly.io/acme/shop:latest",
      image_digest: "sha256:2c1cdaded1b3820020c9dc9fdd1d6e798d6f6ca36861bb6ae64019fad6be9ee3",
      jti: "93ca09e1-70e0-477b-a260-1d8fcd4ef4f4",
      machine_id: "148e21ea7e46e8",
      machine_name: "example-machine",
      machine_version: "01HTGGC1TZ2JHK83J4AC0R3VET",
      org_id: "29873298",
      org_name: "acme",
      region: "sea",
      sub: "acme:shop:example-machine",
    },
    accepted: {
      "one of another machine of the app": { machine_id: "2", machine_name: "m2", sub: "acme:shop:m2", region: "ams" },
    },
    refused: {
      "B-09 one of another app of the organization": { app_id: "3671582", app_name: "blog", sub: "acme:blog:m" },
      "B-09 one of an app that took over the name": { app_id: "4000001" },
      "B-09 one of the app after it was moved away": { org_id: "1", org_name: "mallory" },
      "B-04 one of another organization's issuer": { iss: "https://oidc.fly.io/mallory" },
    },
    codes: { "B-04 one of another organization's issuer": "issuer_not_trusted" },
  },

  buildkite: {
    jwksPath: "/.well-known/jwks",
    lifetimeSeconds: 300,
    claims: {
      sub: "organization:acme-inc:pipeline:super-duper-app:ref:refs/heads/main:commit:9f3182061f1e2cca4702c368cbc039b7dc9d4485:step:build",
      organization_slug: "acme-inc",
      organization_id: "f892efa9-103e-4d28-97a1-3b8616a0994d",
      pipeline_slug: "super-duper-app",
      pipeline_id: "0184990a-4782-42b5-afc1-16715b10b1f0",
      build_number: 1,
      build_branch: "main",
      build_commit: "9f3182061f1e2cca4702c368cbc039b7dc9d4485",
      step_key: null,
      job_id: "0184990a-477b-4fa8-9968-496074483cee",
      agent_id: "0184990a-4782-42b5-afc1-16715b10b8ff",
      build_source: "webhook",
      runner_environment: "buildkite-hosted",
    },
    accepted: {
      "one with an id as its subject": { sub: "0184990a-4782-42b5-afc1-16715b10b1f0" },
      "one after the pipeline was renamed": { pipeline_slug: "renamed" },
    },
    refused: {
      "B-09 one without the ids, which the job did not ask for": { organization_id: undefined, pipeline_id: undefined },
      "B-09 one of another organization with the same slugs": {
        organization_id: "00000000-103e-4d28-97a1-3b8616a0994d",
        pipeline_id: "00000000-4782-42b5-afc1-16715b10b1f0",
      },
      "B-09 one of another pipeline": { pipeline_id: "0184990a-0000-42b5-afc1-16715b10b1f0", pipeline_slug: "blog" },
      "B-09 one of a fork's branch": { build_branch: "mallory:main" },
      "B-09 one of another branch": { build_branch: "main-2" },
      "B-05 one with the organization's default audience": { aud: "https://buildkite.com/acme-inc" },
    },
    codes: { "B-05 one with the organization's default audience": "audience_mismatch" },
  },

  circleci: {
    jwksPath: "/.well-known/jwks-pub.json",
    lifetimeSeconds: 3600,
    claims: {
      sub: "org/c9035eb6-6eb2-4c85-8a81-d9ed6a1d1d1e/project/3a2f5b1c-7d4e-4f6a-9b8c-0d1e2f3a4b5c/user/5e6f7a8b-9c0d-4e1f-a2b3-c4d5e6f7a8b9",
      "oidc.circleci.com/project-id": "3a2f5b1c-7d4e-4f6a-9b8c-0d1e2f3a4b5c",
      "oidc.circleci.com/context-ids": ["6b7c8d9e-0f1a-4b2c-8d3e-4f5a6b7c8d9e"],
      "oidc.circleci.com/vcs-origin": "github.com/acme/shop",
      "oidc.circleci.com/vcs-ref": "refs/heads/main",
      "oidc.circleci.com/ssh-rerun": false,
    },
    refused: {
      "B-09 a fork's, built in our project with secrets": { "oidc.circleci.com/vcs-origin": "github.com/mallory/shop" },
      "B-09 one of a pull request": { "oidc.circleci.com/vcs-ref": "refs/pull/7/head" },
      "B-09 one of a job that somebody has a shell in": { "oidc.circleci.com/ssh-rerun": true },
      "B-09 one of another project of the organization": {
        "oidc.circleci.com/project-id": "00000000-7d4e-4f6a-9b8c-0d1e2f3a4b5c",
      },
      "B-09 one of a custom webhook, which says nothing of the source": {
        "oidc.circleci.com/vcs-origin": undefined,
        "oidc.circleci.com/vcs-ref": undefined,
      },
      "B-04 one of another organization": {
        iss: "https://oidc.circleci.com/org/00000000-6eb2-4c85-8a81-d9ed6a1d1d1e",
      },
      "B-05 one with the default audience, the organization's id": { aud: "c9035eb6-6eb2-4c85-8a81-d9ed6a1d1d1e" },
    },
    codes: {
      "B-04 one of another organization": "issuer_not_trusted",
      "B-05 one with the default audience, the organization's id": "audience_mismatch",
    },
  },

  "hcp-terraform": {
    jwksPath: "/.well-known/jwks",
    lifetimeSeconds: 300,
    claims: {
      jti: "1192426d-b525-4fde-9d42-f238be437bbd",
      sub: "organization:my-org:project:Default Project:workspace:my-workspace:run_phase:apply",
      terraform_organization_id: "org-GRNbCjYNpBB6NEH9",
      terraform_organization_name: "my-org",
      terraform_project_id: "prj-vegSA59s1XPwMr2t",
      terraform_project_name: "Default Project",
      terraform_workspace_id: "ws-mbsd5E3Ktt5Rg2Xm",
      terraform_workspace_name: "my-workspace",
      terraform_full_workspace: "organization:my-org:project:Default Project:workspace:my-workspace",
      terraform_run_id: "run-X3n1AUXNGWbfECsJ",
      terraform_run_phase: "apply",
    },
    accepted: {
      "one after the workspace was renamed": { terraform_workspace_name: "renamed" },
    },
    refused: {
      "B-10 a plan's, which runs what is merely proposed": {
        terraform_run_phase: "plan",
        sub: "organization:my-org:project:Default Project:workspace:my-workspace:run_phase:plan",
      },
      "B-09 one of a workspace that took over the name": { terraform_workspace_id: "ws-recycled00000000" },
      "B-09 one of another organization with the same names": {
        terraform_organization_id: "org-mallory000000000",
        terraform_workspace_id: "ws-mallory0000000000",
      },
      "B-09 one of a module's test run, which has no workspace": {
        sub: "organization:my-org:module:terraform-aws-vpc:operation:test_run",
        terraform_run_phase: "plan",
        terraform_workspace_id: undefined,
        terraform_workspace_name: undefined,
        terraform_full_workspace: undefined,
        terraform_project_id: undefined,
      },
      "B-04 one of a Terraform Enterprise": { iss: "https://terraform.mallory.example" },
    },
    codes: { "B-04 one of a Terraform Enterprise": "issuer_not_trusted" },
  },

  spiffe: {
    jwksPath: "/keys",
    lifetimeSeconds: 300,
    alg: "ES256",
    audienceList: true,
    claims: { sub: "spiffe://example.org/ns/production/sa/worker" },
    refused: {
      "B-22 one of another trust domain": { sub: "spiffe://mallory.example/ns/production/sa/worker" },
      "B-22 one with our ID in its path": {
        sub: "spiffe://mallory.example/spiffe://example.org/ns/production/sa/worker",
      },
      "B-22 one whose trust domain ends like ours": { sub: "spiffe://not-example.org/ns/production/sa/worker" },
      "B-22 one whose trust domain begins like ours": {
        sub: "spiffe://example.org.mallory.example/ns/production/sa/worker",
      },
      "B-22 one with user information before the host": {
        sub: "spiffe://example.org@mallory.example/ns/production/sa/worker",
      },
      "B-22 one of a longer path": { sub: "spiffe://example.org/ns/production/sa/worker/admin" },
      "B-22 one of a shorter path": { sub: "spiffe://example.org/ns/production/sa" },
      "B-22 one with a slash at its end": { sub: "spiffe://example.org/ns/production/sa/worker/" },
      "B-22 one that a URL parser would make the same": {
        sub: "spiffe://example.org/ns/production/sa/x/../worker",
      },
      "B-22 one in another case": { sub: "spiffe://EXAMPLE.org/ns/production/sa/worker" },
      "B-22 one of another issuer that says to be of our trust domain": { iss: "https://spire.mallory.example" },
      "B-05 one for several audiences": { aud: ["https://connect.example.com", "other"] as unknown as string },
    },
    codes: {
      "B-22 one of another issuer that says to be of our trust domain": "issuer_not_trusted",
      "B-05 one for several audiences": "audience_mismatch",
    },
  },
};
