import {
  Kind,
  OperationTypeNode,
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from 'graphql'
import type { Plugin } from 'graphql-yoga'
import type { ClientLimits } from '../../config/access.ts'
import type { ServerContext } from '../pipeline.ts'
import { memoryCounter, type Counter } from './counters.ts'
import type { Grant } from './grant.ts'
import { OperationValues } from './operation-values.ts'
import { rateLimited } from './refusals.ts'

type Rate = keyof Pick<
  ClientLimits,
  'operationsPerSecond' | 'ordersPerMinute' | 'firmQuotesPerMinute' | 'comparisonsPerMinute'
>
type FieldRate = Exclude<Rate, 'operationsPerSecond'>

const RATES: Record<Rate, { windowSeconds: number; what: string }> = {
  operationsPerSecond: { windowSeconds: 1, what: 'operations a second' },
  ordersPerMinute: { windowSeconds: 60, what: 'mutations a minute' },
  firmQuotesPerMinute: { windowSeconds: 60, what: 'comparisons with firm quotes a minute' },
  comparisonsPerMinute: { windowSeconds: 60, what: 'comparisons a minute' },
}
const FIELD_RATES: readonly FieldRate[] = ['ordersPerMinute', 'firmQuotesPerMinute', 'comparisonsPerMinute']

const COMPARING = new Set(['quotes', 'quoteArrived'])

/** Counts what each client, and each address, asks for. */
export class RateLimits {
  readonly #limits: ClientLimits
  readonly #counters: Record<Rate, Counter>

  constructor(limits: ClientLimits, counter: (windowSeconds: number) => Counter = memoryCounter) {
    this.#limits = limits
    this.#counters = {
      operationsPerSecond: counter(RATES.operationsPerSecond.windowSeconds),
      ordersPerMinute: counter(RATES.ordersPerMinute.windowSeconds),
      firmQuotesPerMinute: counter(RATES.firmQuotesPerMinute.windowSeconds),
      comparisonsPerMinute: counter(RATES.comparisonsPerMinute.windowSeconds),
    }
  }

  /**
   * An address may ask for as much as whoever asks from it: a client that was given more is not held back by the
   * limit for strangers. @throws GraphQLError RATE_LIMITED
   */
  async ofAddress(rate: Rate, address: string, grant: Grant | null, amount = 1): Promise<void> {
    await this.#take(rate, `address:${address}`, Math.max(this.#limits[rate], grant?.limits[rate] ?? 0), amount)
  }

  /** @throws GraphQLError RATE_LIMITED */
  async ofClient(rate: Rate, grant: Grant, amount = 1): Promise<void> {
    await this.#take(rate, `client:${grant.clientId}`, grant.limits[rate], amount)
  }

  async #take(rate: Rate, key: string, limit: number, amount: number): Promise<void> {
    const { used, msLeft } = await this.#counters[rate].add(key, amount)
    if (used > limit) throw rateLimited(`no more than ${limit} ${RATES[rate].what} are allowed`, msLeft)
  }
}

/** Comes after authentication. Strangers are counted there, by their address. */
export function limitRates(rates: RateLimits): Plugin<object, ServerContext> {
  const check = async ({
    args,
  }: {
    args: { document: DocumentNode; operationName?: string | null; variableValues?: unknown; contextValue?: unknown }
  }) => {
    const { grant, address } = args.contextValue as ServerContext
    if (!grant) return
    const asked = countRootFields(args.document, args.operationName, args.variableValues)
    for (const rate of FIELD_RATES) {
      if (asked[rate] === 0) continue
      await rates.ofClient(rate, grant, asked[rate])
      await rates.ofAddress(rate, address, grant, asked[rate])
    }
  }
  return {
    async onParams({ context: { grant } }) {
      if (grant) await rates.ofClient('operationsPerSecond', grant)
    },
    onExecute: check,
    onSubscribe: check,
  }
}

/** How often the operation would order, compare, and compare with firm quotes: each alias counts. */
export function countRootFields(
  document: DocumentNode,
  operationName: string | null | undefined,
  variables: unknown,
): Record<FieldRate, number> {
  const counts = { ordersPerMinute: 0, firmQuotesPerMinute: 0, comparisonsPerMinute: 0 }
  const operation = document.definitions.find(
    (definition): definition is OperationDefinitionNode =>
      definition.kind === Kind.OPERATION_DEFINITION &&
      (operationName == null || definition.name?.value === operationName),
  )
  if (!operation) return counts
  const fragments = new Map(
    document.definitions.flatMap((definition) =>
      definition.kind === Kind.FRAGMENT_DEFINITION ? [[definition.name.value, definition]] : [],
    ),
  )
  const values = new OperationValues(operation, variables)
  // Fields of one response name are one field, however often they stand there.
  for (const field of rootFields(operation.selectionSet, fragments).values()) {
    // Every mutation has an LSP do something; the sandbox's own do not count.
    if (operation.operation === OperationTypeNode.MUTATION)
      counts.ordersPerMinute += field.name.value.startsWith('sandbox') ? 0 : 1
    else if (COMPARING.has(field.name.value)) {
      counts.comparisonsPerMinute += 1
      // The default is WHEN_NEEDED.
      if (values.argument(field, 'firm') !== 'NEVER') counts.firmQuotesPerMinute += 1
    }
  }
  return counts
}

function rootFields(
  selectionSet: SelectionSetNode,
  fragments: ReadonlyMap<string, FragmentDefinitionNode>,
  found = new Map<string, FieldNode>(),
  seen = new Set<string>(),
): Map<string, FieldNode> {
  for (const selection of selectionSet.selections) {
    if (selection.kind === Kind.FIELD) found.set((selection.alias ?? selection.name).value, selection)
    else if (selection.kind === Kind.INLINE_FRAGMENT) rootFields(selection.selectionSet, fragments, found, seen)
    else if (!seen.has(selection.name.value)) {
      seen.add(selection.name.value)
      const fragment = fragments.get(selection.name.value)
      if (fragment) rootFields(fragment.selectionSet, fragments, found, seen)
    }
  }
  return found
}
