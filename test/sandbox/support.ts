import { setTimeout as wait } from 'node:timers/promises'
import { decodeInvoice } from '../../src/sandbox/bolt11.ts'
import type { Sandbox, SandboxLsp } from '../../src/sandbox/index.ts'
import type { Clock } from '../../src/domain/time.ts'

export const STEP_MS = 30

/** The channel that most tests ask for: 12960 blocks, or the weeks that they round up to. */
export const SIZE_SAT = 1_000_000
export const BLOCKS = 12_960
export const WEEKS = 13

/** A clock that stands still until it is moved. */
export class SetClock implements Clock {
  #now = Date.UTC(2026, 10, 21, 12)

  now(): number {
    return this.#now
  }

  pass(ms: number): void {
    this.#now += ms
  }

  /** Half a step of an order, so that no state of it is missed. */
  readonly halfStep = (): void => this.pass(STEP_MS / 2)
}

/** What an LSP answered. */
export class Answered {
  readonly status: number
  readonly headers: Headers
  readonly body: unknown

  constructor(status: number, headers: Headers, body: unknown) {
    this.status = status
    this.headers = headers
    this.body = body
  }

  /** The value at a dotted path of the document. */
  at(path: string): unknown {
    return path
      .split('.')
      .reduce<unknown>((value, key) => (value as Record<string, unknown> | null | undefined)?.[key], this.body)
  }

  text(path: string): string {
    const value = this.at(path)
    if (typeof value !== 'string') throw new Error(`no text at ${path}: ${JSON.stringify(this.body)}`)
    return value
  }
}

async function send(lsp: SandboxLsp, path: string, init: RequestInit, timeoutMs: number): Promise<Answered> {
  const url = path.startsWith('http') ? path : lsp.url + path
  const response = await fetch(url, { ...init, signal: AbortSignal.timeout(timeoutMs) })
  return new Answered(response.status, response.headers, parse(await response.text()))
}

/** `path` is added to the LSP's url, or is an address of its own. */
export function get(lsp: SandboxLsp, path: string, timeoutMs = 5_000): Promise<Answered> {
  return send(lsp, path, { method: 'GET' }, timeoutMs)
}

/** A text is sent as it is, everything else as JSON. */
export function post(lsp: SandboxLsp, path: string, body: unknown, timeoutMs = 5_000): Promise<Answered> {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return send(lsp, path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: text }, timeoutMs)
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** How time goes by between two looks at an order. */
export type Passing = () => void | Promise<void>

/** Real time, for a sandbox with the system's clock. */
export const aMoment: Passing = () => wait(STEP_MS / 5)

/** Asks again, time passing in between, until the value at `path` is the one that is waited for. */
export async function until(
  ask: () => Promise<Answered>,
  path: string,
  wanted: unknown,
  passing: Passing,
): Promise<Answered> {
  for (let tries = 0; tries < 500; tries += 1) {
    const answer = await ask()
    if (answer.at(path) === wanted) return answer
    await passing()
  }
  throw new Error(`${path} never became ${String(wanted)}: ${JSON.stringify((await ask()).body)}`)
}

export function pubkeyOf(lsp: SandboxLsp): string {
  return (lsp.nodeUris[0] ?? '').split('@')[0] ?? ''
}

/** An order at any protocol, as far as the tests over all of them look at it. */
export interface PlacedOrder {
  readonly answer: Answered
  readonly invoice: string
  readonly totalSat: number
  readonly read: () => Promise<Answered>
}

/** How an order for the usual channel is placed in each protocol. */
export const PLACE: Readonly<Record<string, (sandbox: Sandbox) => Promise<PlacedOrder>>> = {
  async olive(sandbox) {
    const olive = sandbox.lsp('olive')
    const answer = await post(olive, '/create_order', {
      public_key: sandbox.wallet.pubkey,
      lsp_balance_sat: String(SIZE_SAT),
      client_balance_sat: '0',
      required_channel_confirmations: 0,
      funding_confirms_within_blocks: 6,
      channel_expiry_blocks: BLOCKS,
      announce_channel: false,
    })
    const read = () => get(olive, `/get_order?order_id=${answer.text('order_id')}`)
    return {
      answer,
      invoice: answer.text('payment.bolt11.invoice'),
      totalSat: Number(answer.at('payment.bolt11.order_total_sat')),
      read,
    }
  },
  async kestrel(sandbox) {
    const kestrel = sandbox.lsp('kestrel')
    const answer = await post(kestrel, '/create_order', {
      client_pubkey: sandbox.wallet.pubkey,
      lsp_balance_sat: SIZE_SAT,
      client_balance_sat: 0,
      required_channel_confirmations: 0,
      funding_confirms_within_blocks: 1,
      channel_expiry_blocks: BLOCKS,
    })
    const read = () =>
      post(kestrel, '/get_order', { order_id: answer.at('order_id'), access_token: answer.at('access_token') })
    return {
      answer,
      invoice: answer.text('payment.bolt11.invoice'),
      totalSat: Number(answer.at('payment.bolt11.order_total_sat')),
      read,
    }
  },
  async thunder(sandbox) {
    const thunder = sandbox.lsp('thunder')
    const answer = await post(thunder, '/create_order', {
      lsp_balance_sat: SIZE_SAT,
      public_key: sandbox.wallet.uri,
      channel_expiry_blocks: BLOCKS,
    })
    const read = () => get(thunder, `/get_order?order_id=${answer.text('order_id')}`)
    return { answer, invoice: answer.text('payment.ln.invoice'), totalSat: Number(answer.at('payment.ln.fee')), read }
  },
  async anchor(sandbox) {
    const anchor = sandbox.lsp('anchor')
    const answer = await post(anchor, '/lsp/channel', {
      node_connection_info: sandbox.wallet.uri,
      remote_balance: SIZE_SAT,
      channel_expiry: WEEKS,
    })
    const read = () => get(anchor, `/lsp/channel?order_id=${answer.text('order_id')}`)
    return { answer, invoice: answer.text('ln_invoice'), totalSat: Number(answer.at('order_total')), read }
  },
  async beacon(sandbox) {
    const beacon = sandbox.lsp('beacon')
    const answer = await post(beacon, '/lsp/channels', { remote_balance: SIZE_SAT, channel_expiry: WEEKS })
    const read = () => get(beacon, `/lsp/channels/${answer.text('id')}`)
    return { answer, invoice: answer.text('ln_invoice'), totalSat: Number(answer.at('order_total')), read }
  },
}

export function place(sandbox: Sandbox, id: string): Promise<PlacedOrder> {
  const placeAt = PLACE[id]
  if (!placeAt) throw new Error(`no order is known for ${id}`)
  return placeAt(sandbox)
}

export function amountOf(invoice: string): number {
  return Number(decodeInvoice(invoice).mtokens) / 1_000
}
