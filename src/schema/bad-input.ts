import { GraphQLError } from 'graphql'

/** The caller's mistake: its message is shown as it is. */
export function badInput(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: 'BAD_USER_INPUT' } })
}
