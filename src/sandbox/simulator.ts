import type { z } from 'zod'
import { LspDesk, type DeskPolicy } from './desk.ts'
import { FaultSwitches, type Fault } from './faults.ts'
import {
  LspServer,
  type ErrorFormat,
  type LoggedRequest,
  type LspExchange,
  type Refusal,
  type Route,
} from './lsp-server.ts'
import type { Network } from './network.ts'
import { LightningNode } from './node.ts'
import { LATER_FIELDS, type StoredOrder } from './order-book.ts'
import type { LspProtocol } from '../domain/lsp.ts'
import type { Clock } from '../domain/time.ts'

/** A simulated LSP, as the gateway and the tests use it. */
export interface SandboxLsp {
  readonly id: string
  readonly name: string
  readonly protocol: LspProtocol
  /** The name of the protocol in the configuration file. */
  readonly configName: string
  /** The base of the protocol's paths. */
  readonly url: string
  readonly nodeUris: readonly string[]
  /** For protocols whose published tariff depends on it. */
  readonly tariffFeeRateSatPerVbyte: number | null
  readonly supportedFaults: readonly Fault[]
  readonly faults: ReadonlySet<Fault>
  /** Switches exactly these on. @throws RangeError for one that it does not support. */
  setFaults(faults: readonly Fault[]): void
  /** The latest 10 000, oldest first. */
  readonly requests: readonly LoggedRequest[]
  readonly orderCount: number
}

/** The endpoints of a protocol, and its format of errors that come before any endpoint. */
export interface Endpoints {
  readonly routes: readonly Route[]
  readonly errorFormat: ErrorFormat
}

export interface SimulatorDefinition<Details> {
  readonly id: string
  readonly name: string
  readonly protocol: LspProtocol
  readonly configName: string
  readonly basePath: string
  readonly tariffFeeRateSatPerVbyte: number | null
  readonly supportedFaults: readonly Fault[]
  readonly policy: DeskPolicy<Details>
  /** Call `url` only while a request is handled: the server has no port before it listens. */
  open(desk: LspDesk<Details>, url: () => string): Endpoints
}

/** The part that all simulated LSPs of one sandbox share. */
export interface Surroundings {
  readonly network: Network
  readonly clock: Clock
  readonly stepMs: number
  readonly slowMs: number
  readonly invoiceExpiryMs: number | null
  readonly onChange: () => void
  readonly observe: ((exchange: ObservedExchange) => void) | undefined
}

/** A request to a simulated LSP, with its answer. */
export interface ObservedExchange extends LspExchange {
  readonly lspId: string
}

export interface RunningLsp extends SandboxLsp {
  /** Its orders as plain data. */
  state(): readonly unknown[]
  close(): Promise<void>
}

export interface Simulator {
  readonly id: string
  start(surroundings: Surroundings, orders: readonly unknown[]): Promise<RunningLsp>
}

export function defineSimulator<Details>(definition: SimulatorDefinition<Details>): Simulator {
  const { id, name, protocol, configName, tariffFeeRateSatPerVbyte } = definition
  return {
    id,
    async start(surroundings, orders) {
      const faults = new FaultSwitches(definition.supportedFaults)
      const node = new LightningNode(id, `${id}.sandbox:9735`)
      const stranger = new LightningNode(`${id}'s stranger`, 'stranger.sandbox:9735')
      const desk = new LspDesk<Details>({ ...surroundings, node, stranger, faults, policy: definition.policy })
      // This code wrote them; an older version of it without some of the fields.
      for (const order of orders) desk.book.add({ ...LATER_FIELDS, ...(order as StoredOrder<Details>) })
      const server = new LspServer({
        ...surroundings,
        basePath: definition.basePath,
        faults,
        onActed: surroundings.onChange,
        observe: (exchange) => surroundings.observe?.({ lspId: id, ...exchange }),
      })
      const { routes, errorFormat } = definition.open(desk, () => server.url)
      server.answerWith(routes, errorFormat)
      await server.listen()
      const url = server.url
      return {
        id,
        name,
        protocol,
        configName,
        url,
        nodeUris: [node.uri],
        tariffFeeRateSatPerVbyte,
        supportedFaults: faults.supported,
        get faults() {
          return faults.on
        },
        setFaults: (wanted) => faults.set(wanted),
        get requests() {
          return server.requests
        },
        get orderCount() {
          return desk.book.size
        },
        state: () => desk.book.all(),
        close: () => server.close(),
      }
    },
  }
}

/** The first error of a document, with the name of its field. */
export interface Complaint {
  /** Dotted; empty for the document as a whole. */
  property: string
  message: string
  isMissing: boolean
  /** Fields that the protocol does not know. */
  unrecognized: readonly string[]
}

/** Parses `value` by `schema`. @throws the refusal that `refuse` makes of the first error. */
export function demand<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  refuse: (complaint: Complaint) => Refusal,
): z.output<Schema> {
  const parsed = schema.safeParse(value ?? {})
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  if (!issue) throw new Error('zod refused without an issue')
  throw refuse({
    property: issue.path.join('.'),
    message: issue.message,
    isMissing: issue.code === 'invalid_type' && valueAt(value, issue.path) === undefined,
    unrecognized: issue.code === 'unrecognized_keys' ? issue.keys : [],
  })
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (at, key) => (typeof at === 'object' && at !== null ? (at as Record<PropertyKey, unknown>)[key] : undefined),
    value,
  )
}
