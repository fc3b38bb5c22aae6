// Cursors of the event log, as clients keep them: opaque texts with the id of the database's history and a position.

/** `position`: in the log of all orders; below 0 for events that were imported with their order. */
export function cursorAt(historyId: string, position: number): string {
  return Buffer.from(`${historyId}.${position}`).toString('base64url')
}

/** null: not a cursor. */
export function positionOf(cursor: string): { historyId: string; at: number } | null {
  const match = /^([0-9a-f]{16})\.(-?\d{1,15})$/.exec(Buffer.from(cursor, 'base64url').toString('latin1'))
  return match?.[1] === undefined ? null : { historyId: match[1], at: Number(match[2]) }
}
