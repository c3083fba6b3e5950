/** Every key of the journal. What a listing shows is what no fan-out has finished. */
export const JOURNAL_PREFIX = "journal/";

/** Where the journal holds an event's message until its fan-out has committed; keys sort by the time of receipt. */
export function journalKey(eventId: string): string {
  return `${JOURNAL_PREFIX}${eventId}`;
}
