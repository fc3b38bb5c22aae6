import type { GraphQLError } from 'graphql'
import { apiError } from '../errors.ts'

const FIELD_AND_CONSTRAINT = /^([a-z]\w*(?:[.[][\w.[\]]*)?): (.+)$/s

/** An error that is the caller's. A message such as `request.lspBalanceSat: at least 1` names the field at fault. */
export function badInput(message: string): GraphQLError {
  const [, field, constraint] = FIELD_AND_CONSTRAINT.exec(message) ?? []
  return apiError('BAD_USER_INPUT', message, { extensions: field === undefined ? {} : { field, constraint } })
}

/** The client has a cursor of another history: its events may have numbers that mean something else here. */
export function unknownCursor(): GraphQLError {
  return apiError(
    'UNKNOWN_CURSOR',
    "after: this cursor is not from this gateway's database, or a restore removed its event. Read the orders again, then continue from latestEventCursor",
    { extensions: { field: 'after' } },
  )
}
