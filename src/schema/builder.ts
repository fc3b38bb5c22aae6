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
    nodesOnConnection: true,
    edgesFieldOptions: { nullable: { list: false, items: false } },
    nodeFieldOptions: { nullable: false },
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

builder.queryType()
builder.mutationType()
builder.subscriptionType()
