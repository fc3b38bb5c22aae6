import type { Client } from 'graphql-ws'
import { backOff, isTemporary, SluiceError, type GraphQLErrorLike, type Result } from './transport.ts'

/** How a client follows a log: the operation, and where in the log an event is. */
export interface Following<Event, Position> {
  query: string
  variables: Record<string, unknown>
  /** Name of the variable that says where to resume. */
  resumeBy: string
  after: Position | null
  /** Name of the subscription's field. */
  field: string
  positionOf: (event: Event) => Position
  /** Whether an event at `position` was yielded before. */
  isRepeat: (position: Position, after: Position) => boolean
}

/**
 * Each event once and in order, however often the gateway restarts or the connection breaks. Ends when the gateway says
 * that nothing follows. @throws SluiceError for an error that a retry does not help against
 */
export async function* followLog<Event, Position>(
  client: Client,
  { query, variables, resumeBy, after, field, positionOf, isRepeat }: Following<Event, Position>,
): AsyncGenerator<Event, void, undefined> {
  let last = after
  // graphql-ws subscribes again after each reconnection, with the same object: the getter makes it resume.
  const resuming = Object.defineProperty({ ...variables }, resumeBy, { enumerable: true, get: () => last })
  for (let retries = 0; ; retries++) {
    try {
      for await (const { data, errors } of client.iterate({ query, variables: resuming }) as AsyncIterable<
        Result<Record<string, Event>>
      >) {
        const event = data?.[field]
        // An event with errors is complete except for what could not be read at this moment.
        if (event == null) throw new SluiceError(errors ?? [])
        const position = positionOf(event)
        if (last !== null && isRepeat(position, last)) continue
        last = position
        retries = 0
        yield event
      }
      return
    } catch (error) {
      const problem = asSluiceError(error)
      if (!isTemporary(problem.errors)) throw problem
    }
    await backOff(retries)
  }
}

/** graphql-ws throws a list of GraphQL errors, or the event that closed the connection. */
function asSluiceError(error: unknown): SluiceError {
  if (error instanceof SluiceError) return error
  if (Array.isArray(error)) return new SluiceError(error as GraphQLErrorLike[])
  if (error instanceof Error) throw error
  const { code, reason } = error as { code?: number; reason?: string }
  return new SluiceError([], `the gateway closed the connection: ${code} ${reason}`)
}
