import { describe, expect, test } from "vitest";
import {
  judgeCompletion,
  judgeReturn,
  judgeVisit,
  type Progress,
  type RequestStatus,
  resultStatus,
} from "../../src/authorize/transitions.ts";

const NOW = 1_000_000;
const at = (status: RequestStatus, more: Partial<Progress> = {}): Progress => ({
  status,
  browserHash: status === "pending" ? null : "own",
  expiresAtMs: NOW + 1,
  legExpiresAtMs: NOW + 1,
  finishedAtMs: ["success", "canceled", "error", "expired"].includes(status) ? NOW - 1 : null,
  ...more,
});
const own = { hashes: [null, "own"] };
const foreign = { hashes: ["other", null] };

describe("a visit", () => {
  const OPEN: RequestStatus[] = ["signing_in", "verifying", "claimed", "returned", "completing"];
  const ENDED: RequestStatus[] = ["success", "canceled", "error"];

  test("A-07 a pending request is anybody's, a claimed one its browser's alone", () => {
    expect(judgeVisit(at("pending"), foreign, NOW)).toEqual({ go: "claim" });
    for (const status of OPEN) {
      expect(judgeVisit(at(status), own, NOW)).toEqual({ go: "resume" });
      expect(judgeVisit(at(status), foreign, NOW)).toEqual({ refuse: "request_already_claimed" });
      expect(judgeVisit(at(status), { hashes: [null, null] }, NOW)).toEqual({ refuse: "request_already_claimed" });
    }
    for (const status of ENDED) {
      expect(judgeVisit(at(status), own, NOW)).toEqual({ go: "ended" });
      expect(judgeVisit(at(status), foreign, NOW)).toEqual({ refuse: "flow_already_used" });
    }
    // Canceled before anybody claimed it.
    expect(judgeVisit(at("canceled", { browserHash: null }), { hashes: [null, null] }, NOW)).toEqual({
      refuse: "flow_already_used",
    });
  });

  test("an end that nobody has written down yet is an end", () => {
    for (const status of ["pending", ...OPEN] as RequestStatus[]) {
      const late = at(status, { expiresAtMs: NOW });
      expect(judgeVisit(late, own, NOW)).toEqual({ refuse: "flow_expired" });
      expect(resultStatus(late, NOW)).toBe("expired");
      expect(resultStatus(at(status), NOW)).toBe("pending");
    }
    expect(resultStatus(at("success", { expiresAtMs: NOW - 5 }), NOW)).toBe("success");
  });
});

describe("a return", () => {
  test("A-02 whose browser comes before what it says: a stranger learns nothing of the state", () => {
    for (const status of ["claimed", "success", "expired"] as RequestStatus[]) {
      expect(judgeReturn(at(status), "claimed", foreign, NOW)).toEqual({ refuse: "state_browser_mismatch" });
    }
  });

  test("A-08 goes on from its own leg, once, in time", () => {
    expect(judgeReturn(at("claimed"), "claimed", own, NOW)).toEqual({ go: "on" });
    expect(judgeReturn(at("signing_in"), "signing_in", own, NOW)).toEqual({ go: "on" });
    for (const status of ["signing_in", "verifying", "returned", "completing", "success", "error"] as RequestStatus[]) {
      expect(judgeReturn(at(status), "claimed", own, NOW)).toEqual({ refuse: "flow_already_used" });
    }
    for (const legExpiresAtMs of [NOW, null]) {
      expect(judgeReturn(at("claimed", { legExpiresAtMs }), "claimed", own, NOW)).toEqual({ refuse: "flow_expired" });
    }
    expect(judgeReturn(at("claimed", { expiresAtMs: NOW }), "claimed", own, NOW)).toEqual({ refuse: "flow_expired" });
  });
});

test("A-01 only what has returned can be completed, and only with a code", () => {
  const judge = (status: RequestStatus, more: Partial<Progress> = {}) => judgeCompletion(at(status, more), true, NOW);
  expect(judge("returned")).toEqual({ go: "compare" });
  expect(judgeCompletion(at("returned"), false, NOW)).toEqual({ refuse: "binding_required" });
  expect(judge("returned", { expiresAtMs: NOW })).toEqual({ refuse: "flow_expired" });
  for (const status of ["pending", "signing_in", "verifying", "claimed"] as RequestStatus[]) {
    expect(judge(status)).toEqual({ refuse: "binding_mismatch" });
  }
  for (const status of ["completing", "success", "canceled", "error"] as RequestStatus[]) {
    expect(judge(status)).toEqual({ refuse: "flow_already_used" });
  }
});
