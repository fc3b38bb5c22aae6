import type { GraphiqlOptions } from './graphiql.ts'

// What GraphiQL opens with: a wallet's whole way, one tab a step.

const COMPARE = `# 1. What does a channel cost at every LSP?
#    Run it with the button, or with Ctrl + Enter.
query Compare($request: ChannelRequestInput!) {
  quotes(request: $request, rankBy: TOTAL_FEE) {
    quotes {
      lsp { id }
      feeTotalSat
      annualRatePercent
      basis
      id
    }
    failures {
      lsp { id }
      code
      message
      retryAt
    }
  }
}
`

const ORDER = `# 2. Order one of them: put the id of a quote
#    into the variables below.
mutation Order($quoteId: ID!, $idempotencyKey: String!) {
  createOrder(input: { quoteId: $quoteId, idempotencyKey: $idempotencyKey }) {
    __typename
    ... on Order {
      id
      state
      orderTotalSat
      nextStep { actor action deadline message }
      payment { bolt11 { invoice expiresAt } bip21 }
      quote { notes { message } }
      checks { code verdict message }
    }
    ... on UserError { message }
    ... on PriceChangedError { newQuote: quote { id feeTotalSat orderTotalSat } }
    ... on LspError { code field retryAt }
  }
}
`

const PAY = `# 3. Pay it, by the order's id, from the sandbox's own node.
#    With real LSPs your wallet does this.
mutation Pay($orderId: ID!) {
  sandboxPay(id: $orderId) {
    state
    order { id state }
  }
}
`

const FOLLOW = (step: number) => `# ${step}. Follow it, live. afterSequence resumes;
#    leave it out to begin with how the order stands.
subscription Follow($orderId: ID!, $afterSequence: Int) {
  orderUpdated(id: $orderId, afterSequence: $afterSequence) {
    sequence
    createdAt
    previousState
    state
    message
    snapshot {
      nextStep { actor action message }
      channel { state fundingOutpoint shortChannelId expiresAt }
    }
  }
}
`

const FAULTS = `# 5. Have something go wrong at a simulated LSP, and compare
#    again. An empty list of faults mends it.
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

export function graphiqlTabs({ sandbox }: GraphiqlOptions): Tab[] {
  const request = {
    clientPubkey: sandbox?.clientPubkey ?? '',
    clientAddress: sandbox?.clientAddress ?? 'node.example:9735',
    lspBalanceSat: 1_000_000,
    clientBalanceSat: 0,
    channelExpiryBlocks: 12_960,
    announceChannel: false,
  }
  const orderVariables = JSON.stringify({ orderId: '' }, null, 2)
  return [
    { query: COMPARE, variables: JSON.stringify({ request }, null, 2) },
    { query: ORDER, variables: JSON.stringify({ quoteId: '', idempotencyKey: 'my-first-order' }, null, 2) },
    ...(sandbox ? [{ query: PAY, variables: orderVariables }] : []),
    { query: FOLLOW(sandbox ? 4 : 3), variables: JSON.stringify({ orderId: '', afterSequence: 0 }, null, 2) },
    ...(sandbox ? [{ query: FAULTS }] : []),
  ]
}
