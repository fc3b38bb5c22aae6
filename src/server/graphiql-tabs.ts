import type { GraphiqlOptions } from './graphiql.ts'

// What GraphiQL opens with: a wallet's whole way, one tab a step.

const COMPARE = (clientPubkey: string, clientAddress: string) => `# 1. What does a channel cost at every LSP?  Run it with ⌘/Ctrl + Enter.
query Compare {
  quotes(
    request: {
      clientPubkey: "${clientPubkey}"
      clientAddress: "${clientAddress}"
      lspBalanceSat: 1000000
      channelExpiryBlocks: 12960
    }
    rankBy: TOTAL_FEE
  ) {
    quotes {
      id
      lsp { id protocol }
      basis
      feeTotalSat
      annualRatePercent
      channelExpiryBlocks
      expiresAt
      notes { code message }
    }
    failures {
      lsp { id }
      code
      message
      property
      retryAt
    }
    elapsedMs
  }
}
`

const ORDER = `# 2. Order one of them: put the id of a quote into the variables below.
mutation Order($quoteId: ID!, $idempotencyKey: String!) {
  createOrder(input: { quoteId: $quoteId, idempotencyKey: $idempotencyKey }) {
    __typename
    ... on Order {
      id
      state
      orderTotalSat
      nextStep { actor action deadline message }
      payment { bolt11 { invoice expiresAt } bip21 }
      checks { name verdict message }
    }
    ... on Error { message }
    ... on PriceChangedError { quote { id feeTotalSat orderTotalSat } }
    ... on LspError { code property retryAt }
  }
}
`

const PAY = `# 3. Pay it from the sandbox's own node. Against real LSPs your wallet does this.
mutation Pay($orderId: ID!) {
  sandboxPay(id: $orderId) {
    state
    order { id state }
  }
}
`

const FOLLOW = `# 4. Follow it, live, over WebSocket. Leave afterSequence out to begin with how it stands.
subscription Follow($orderId: ID!, $afterSequence: Int) {
  orderUpdated(id: $orderId, afterSequence: $afterSequence) {
    sequence
    at
    previousState
    state
    message
    order {
      nextStep { actor action message }
      channel { state fundingOutpoint shortChannelId expiresAt }
    }
  }
}
`

const FAULTS = `# Sandbox: have something go wrong at an LSP, and compare again.
mutation Break {
  sandboxSetFaults(lspId: "olive", faults: [HANGING]) {
    lsp { id }
    faults
    supportedFaults
  }
}
`

export function graphiqlTabs({ sandbox }: GraphiqlOptions): { query: string; variables?: string }[] {
  const orderVariables = JSON.stringify({ orderId: '' }, null, 2)
  return [
    { query: COMPARE(sandbox?.clientPubkey ?? '<your node’s public key>', sandbox?.clientAddress ?? 'node.example:9735') },
    { query: ORDER, variables: JSON.stringify({ quoteId: '', idempotencyKey: 'my-first-order' }, null, 2) },
    ...(sandbox ? [{ query: PAY, variables: orderVariables }] : []),
    { query: FOLLOW, variables: JSON.stringify({ orderId: '', afterSequence: 0 }, null, 2) },
    ...(sandbox ? [{ query: FAULTS }] : []),
  ]
}
