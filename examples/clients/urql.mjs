// Follows an order with urql and Graphcache: node urql.mjs URL ORDER_ID
import { Client, gql, subscriptionExchange } from '@urql/core'
import { cacheExchange } from '@urql/exchange-graphcache'
import { createClient } from 'graphql-ws'
import { filter, onEnd, pipe, subscribe } from 'wonka'
import { WebSocket } from 'ws'
import { graphcacheKeys } from 'sluice/client'

const [url, id] = process.argv.slice(2)
const socket = createClient({ url, webSocketImpl: WebSocket, retryAttempts: Infinity, shouldRetry: () => true })

/** graphql-ws subscribes again with the variables of the first time; a getter among them makes it resume. */
const forwardSubscription = ({ query, variables }) => ({
  subscribe(sink) {
    let last = variables.afterSequence
    const resuming = Object.defineProperty({ ...variables }, 'afterSequence', { enumerable: true, get: () => last })
    const next = (result) => {
      last = result.data?.orderUpdated?.sequence ?? last
      sink.next(result)
    }
    return {
      unsubscribe: socket.subscribe(
        { query, variables: resuming },
        { ...sink, next, error: (e) => sink.error(e), complete: () => sink.complete() },
      ),
    }
  },
})

const client = new Client({
  url,
  preferGetMethod: false,
  exchanges: [cacheExchange({ keys: graphcacheKeys() }), subscriptionExchange({ forwardSubscription })],
})
const FOLLOW = gql`
  subscription ($id: ID!, $afterSequence: Int) {
    orderUpdated(id: $id, afterSequence: $afterSequence) {
      id
      sequence
      state
      snapshot {
        sequence
        state
      }
      order {
        id
        sequence
        state
      }
    }
  }
`
pipe(
  client.subscription(FOLLOW, { id, afterSequence: 0 }),
  onEnd(() => void socket.dispose()),
  // urql gives the last event once more when the subscription completes.
  filter(({ hasNext }) => hasNext),
  subscribe(({ data, error }) =>
    process.stdout.write(
      error ? `error: ${error.message}\n` : `${data.orderUpdated.sequence} ${data.orderUpdated.state}\n`,
    ),
  ),
)
