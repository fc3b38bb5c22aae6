import { GraphQLError } from 'graphql'

/** The caller's mistake: its message is shown as it is. */
export function badInput(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: 'BAD_USER_INPUT' } })
}

/** The client has a cursor of another history: its events may have numbers that mean something else here. */
export function unknownCursor(): GraphQLError {
  return new GraphQLError(
    "after: this cursor is not from this gateway's database, or a restore removed its event. Read the orders again, then continue from latestEventCursor",
    { extensions: { code: 'UNKNOWN_CURSOR' } },
  )
}
