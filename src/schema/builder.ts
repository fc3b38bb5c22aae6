import SchemaBuilder from '@pothos/core'
import DataloaderPlugin from '@pothos/plugin-dataloader'
import ErrorsPlugin from '@pothos/plugin-errors'
import RelayPlugin from '@pothos/plugin-relay'
import ValidationPlugin from '@pothos/plugin-validation'
import { badInput } from './bad-input.ts'
import type { Sat } from '../domain/money.ts'
import type { EpochMs } from '../domain/time.ts'
import type { Gateway } from '../gateway.ts'
import type { Sandbox } from '../sandbox/index.ts'

/** What every resolver gets; made anew for each operation. */
export interface Context {
  gateway: Gateway
  /** Whose quotes, orders and renewals these are. */
  clientId: string
  /** Only in sandbox mode. */
  sandbox: Sandbox | null
  /** The operation came as an HTTP GET, which must not have side effects. */
  isGet: boolean
  /** null: the transport is not server-sent events. */
  eventStream: EventStream | null
}

/** The server-sent events that answer a subscription. */
export interface EventStream {
  /** Cursor of the last event that the client has, from its `Last-Event-ID`. null: the client begins. */
  readonly lastEventId: string | null
  /** The next event that is sent has this cursor. */
  sending(cursor: string): void
  /** Nothing follows `lastEventId`: the client does not have to connect again. */
  end(): void
}

export const builder = new SchemaBuilder<{
  Context: Context
  DefaultFieldNullability: false
  DefaultEdgesNullability: { list: false; items: false }
  DefaultNodeNullability: false
  Scalars: {
    ID: { Input: string; Output: string }
    Sat: { Input: Sat; Output: Sat }
    AssetAmount: { Input: string; Output: string }
    UInt64: { Input: string; Output: string }
    DateTime: { Input: EpochMs; Output: EpochMs }
    PublicKey: { Input: string; Output: string }
  }
}>({
  plugins: [ErrorsPlugin, RelayPlugin, DataloaderPlugin, ValidationPlugin],
  defaultFieldNullability: false,
  errors: { directResult: true, defaultTypes: [] },
  relay: {
    nodeQueryOptions: false,
    nodesQueryOptions: false,
    nodesOnConnection: { description: 'The page.' },
    edgesFieldOptions: { nullable: { list: false, items: false }, description: 'The page, with cursors.' },
    nodeFieldOptions: { nullable: false, description: 'The item.' },
    cursorFieldOptions: { description: 'Cursor of the item, for `after` and `before`.' },
    pageInfoFieldOptions: { description: 'Whether there are more, and the cursors of the ends.' },
    pageInfoTypeOptions: { description: 'What lies beyond a page.' },
    hasNextPageFieldOptions: { description: 'Whether more items follow.' },
    hasPreviousPageFieldOptions: { description: 'Whether there are items before.' },
    startCursorFieldOptions: { description: 'Cursor of the first item. null: the page is empty.' },
    endCursorFieldOptions: { description: 'Cursor of the last item. null: the page is empty.' },
    firstArgOptions: { description: 'Number of items from the start, at most 100.' },
    lastArgOptions: { description: 'Number of items from the end, at most 100.' },
    afterArgOptions: { description: 'Only items after this cursor.' },
    beforeArgOptions: { description: 'Only items before this cursor.' },
  },
  validation: {
    validationError: (failure) =>
      badInput(
        failure.issues
          .map(
            (issue) =>
              `${issue.path?.map((key) => String(typeof key === 'object' ? key.key : key)).join('.') ?? 'input'}: ${issue.message}`,
          )
          .join('; '),
      ),
  },
})

builder.queryType({
  description: 'Reads. They change nothing, except that `quotes` may place unpaid orders to learn prices.',
})
builder.mutationType({ description: 'Changes. Expected failures are types of the result.' })
builder.subscriptionType({ description: 'Streams, over WebSocket (graphql-transport-ws) or server-sent events.' })
