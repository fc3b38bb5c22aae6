import { bech32 } from '@scure/base'
import { ok, type Route } from './lsp-server.ts'

/** An address as an LNURL (LUD-01): bech32 of its bytes. */
function lnurlOf(address: string): string {
  return bech32.encode('lnurl', bech32.toWords(new TextEncoder().encode(address)), false)
}

export interface LnurlDesk {
  /** What LUD-02's paths are added to. */
  url(): string
  nodeUri: string
  exists(orderId: string): boolean
  /** Opens the channel of a paid order; the reason when that cannot be. */
  open(orderId: string, clientPubkey: string, announce: boolean): string | null
}

/** LUD-02: a wallet opens the link, connects to the node that it names, and asks for the channel. */
export class LnurlChannels {
  readonly #desk: LnurlDesk

  constructor(desk: LnurlDesk) {
    this.#desk = desk
  }

  linkFor(orderId: string): string {
    return lnurlOf(this.#addressFor(orderId))
  }

  #addressFor(orderId: string): string {
    return `${this.#desk.url()}/lnurl/${orderId}`
  }

  routes(): readonly Route[] {
    return [
      { method: 'GET', path: '/lnurl/:id', handle: ({ params }) => ok(this.#offer(params.id ?? '')) },
      {
        method: 'GET',
        path: '/lnurl/:id/callback',
        handle: ({ params, query }) => ok(this.#claim(params.id ?? '', query)),
      },
    ]
  }

  #offer(orderId: string) {
    if (!this.#desk.exists(orderId)) return failed('unknown order')
    return {
      tag: 'channelRequest',
      uri: this.#desk.nodeUri,
      callback: `${this.#addressFor(orderId)}/callback`,
      k1: orderId,
    }
  }

  #claim(orderId: string, query: Readonly<Record<string, string>>) {
    if (query.k1 !== orderId || !this.#desk.exists(orderId)) return failed('unknown k1')
    const clientPubkey = query.remoteid ?? ''
    if (!/^0[23][0-9a-f]{64}$/.test(clientPubkey)) return failed('remoteid is not a public key')
    const reason = this.#desk.open(orderId, clientPubkey, query.private === '0')
    return reason === null ? { status: 'OK' } : failed(reason)
  }
}

/** LNURL has its own way to say no, under a 200. */
function failed(reason: string) {
  return { status: 'ERROR', reason }
}
