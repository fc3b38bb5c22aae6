/** The fields of an event that the client selects. */
export const ORDER_EVENT = `id cursor orderId sequence createdAt previousState state message
  changes { code oldValue newValue message }
  snapshot {
    nextStep { code actor action deadline amountSat nodeUri message }
    payment { payability }
    channel { state shortChannelId fundingOutpoint expiresAt }
    failureReason
  }`

export const FEED_EVENT = `__typename id cursor createdAt message ... on OrderEvent { ${ORDER_EVENT} }`

/** Something that happened. A type that you do not know has only these fields: keep `cursor` and go on. */
export interface FeedEvent {
  __typename: string
  id: string
  cursor: string
  createdAt: string
  message: string
}

/** A change of one order. Enums are strings, since they grow; docs/messages.md has the codes. */
export interface OrderEvent extends Omit<FeedEvent, '__typename'> {
  orderId: string
  sequence: number
  previousState: string | null
  state: string
  changes: readonly { code: string; oldValue: string | null; newValue: string | null; message: string }[]
  snapshot: {
    nextStep: {
      code: string
      actor: 'CLIENT' | 'GATEWAY' | 'LSP' | 'NOBODY'
      action: string
      deadline: string | null
      amountSat: number | null
      nodeUri: string | null
      message: string
    }
    payment: { payability: 'PAYABLE' | 'PAID' | 'NOTHING_DUE' | 'WITHHELD' | 'EXPIRED' }
    channel: {
      state: string
      shortChannelId: string | null
      fundingOutpoint: string | null
      expiresAt: string | null
    } | null
    failureReason: string | null
  }
}
