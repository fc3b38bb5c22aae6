import type { GraphiqlOptions } from './graphiql.ts'
import { NEWEST } from '../schema/newest.ts'

// The tabs that GraphiQL opens with: one for each step of a wallet.

const COMPARE = (hint: string) => `# 1. What does a channel cost at each LSP?
#    Press the button, or Ctrl + Enter.${hint}
query Compare($request: ChannelRequestInput!) {
  quotes(request: $request, rankBy: TOTAL_FEE) {
    failures {
      lsp { name }
      code
      message
      retryAt
    }
    quotes {
      lsp { name }
      feeTotalSat
      annualRatePercent
      basis
      expiresAt
      notes { message }
      id
    }
  }
}
`

const KEY_HINT = `
#    This gateway needs an API key. Put it into Headers:
#    {"authorization": "Bearer KEY"}
#    The page keeps it in memory only.`

const ORDER = (quote: string) => `# 2. Order ${quote}.
#    Use a new idempotencyKey for each new order.
mutation Order($quoteId: ID!, $idempotencyKey: String!) {
  createOrder(input: { quoteId: $quoteId, idempotencyKey: $idempotencyKey }) {
    __typename
    ... on Order {
      id
      state
      orderTotalSat
      nextStep { code actor action deadline amountSat message }
      payment { payability bolt11 { invoice expiresAt } bip21 }
      quote { lsp { name } notes { message } }
      checks { code verdict message }
    }
    ... on UserError { message }
    ... on PriceChangedError { newQuote: quote { id feeTotalSat orderTotalSat } }
    ... on LspError { code field retryAt }
  }
}
`

const FOLLOW = (order: string) => `# 3. Follow ${order}. GraphiQL stops
#    it when you leave the tab: run it again after Pay.
subscription Follow($orderId: ID!, $afterSequence: Int) {
  orderUpdated(
    id: $orderId
    afterSequence: $afterSequence
  ) {
    sequence
    createdAt
    previousState
    state
    message
    snapshot {
      nextStep { actor action message }
      channel { state fundingOutpoint expiresAt }
    }
  }
}
`

const PAY = `# 4. Pay it from the sandbox's own node, then run
#    Follow again. With real LSPs your wallet pays.
mutation Pay($orderId: ID!) {
  sandboxPay(id: $orderId) {
    state
    order { id state }
  }
}
`

const FAULTS = `# 5. Switch a fault on at a simulated LSP, then
#    compare again. An empty list switches it off.
mutation Break {
  sandboxSetFaults(lspId: "olive", faults: [HANGING]) {
    lsp { id }
    faults
    supportedFaults
  }
}
`

export interface Tab {
  query: string
  variables?: string
}

/** `takesKey`: the gateway needs an API key. */
export function graphiqlTabs({ sandbox }: GraphiqlOptions, takesKey: boolean): Tab[] {
  const request = {
    clientPubkey: sandbox?.clientPubkey ?? '',
    clientAddress: sandbox?.clientAddress ?? 'node.example:9735',
    lspBalanceSat: 1_000_000,
    clientBalanceSat: 0,
    channelExpiryBlocks: 12_960,
    announceChannel: false,
  }
  const variables = (values: Record<string, unknown>) => JSON.stringify(values, null, 2)
  const id = sandbox ? NEWEST : ''
  return [
    { query: COMPARE(takesKey ? KEY_HINT : ''), variables: variables({ request }) },
    {
      query: ORDER(sandbox ? 'the best quote of the comparison' : 'a quote, by its id'),
      variables: variables({ quoteId: id, idempotencyKey: 'my-first-order' }),
    },
    {
      query: FOLLOW(sandbox ? 'your newest order' : 'an order, by its id'),
      variables: variables({ orderId: id, afterSequence: 0 }),
    },
    ...(sandbox ? [{ query: PAY, variables: variables({ orderId: id }) }, { query: FAULTS }] : []),
  ]
}
