// Follows an order with Apollo Client 4: node apollo.mjs URL ORDER_ID
import { ApolloClient, ApolloLink, gql, InMemoryCache } from '@apollo/client'
import { GraphQLWsLink } from '@apollo/client/link/subscriptions'
import { createClient } from 'graphql-ws'
import { tap } from 'rxjs'
import { WebSocket } from 'ws'
import { apolloCachePolicies } from 'sluice/client'

const [url, id] = process.argv.slice(2)
const socket = createClient({ url, webSocketImpl: WebSocket, retryAttempts: Infinity, shouldRetry: () => true })

/** graphql-ws subscribes again with the variables of the first time; a getter among them makes it resume. */
const resume = new ApolloLink((operation, forward) => {
  let last = operation.variables.afterSequence
  const variables = Object.defineProperty({ ...operation.variables }, 'afterSequence', {
    enumerable: true,
    get: () => last,
  })
  Object.defineProperty(operation, 'variables', { value: variables })
  return forward(operation).pipe(
    tap(({ data }) => {
      last = data?.orderUpdated?.sequence ?? last
    }),
  )
})

const client = new ApolloClient({
  link: resume.concat(new GraphQLWsLink(socket)),
  cache: new InMemoryCache(apolloCachePolicies()),
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
client.subscribe({ query: FOLLOW, variables: { id, afterSequence: 0 } }).subscribe({
  next: ({ data, error }) =>
    process.stdout.write(
      error ? `error: ${error.message}\n` : `${data.orderUpdated.sequence} ${data.orderUpdated.state}\n`,
    ),
  complete: () => void socket.dispose(),
})
