import { describe, expect, test } from 'vitest'
import { upTo } from './stage.ts'
import { DatabaseClock } from '../../src/store/database-clock.ts'
import { freshPostgres } from '../support/database.ts'
import { startTestGateway } from '../support/gateway.ts'
import { follow, orderAt, pay, QUOTES, REQUEST_REFUND, requestOf } from '../support/operations.ts'

const AHEAD_MS = 20_000

/** Two gateways on one PostgreSQL; the clock of the second one's machine is ahead. */
async function skewedPair(lspId: string, estimatesPerMinute = 60_000) {
  const database = await freshPostgres()
  const options = { databaseUrl: database.url, lsp: () => ({ estimatesPerMinute }) }
  const right = await startTestGateway({ ...options, sandbox: { only: [lspId] } })
  const wrong = await startTestGateway({ ...options, beside: right, clock: { now: () => Date.now() + AHEAD_MS } })
  return {
    right,
    wrong,
    async [Symbol.asyncDispose]() {
      for (const one of [wrong, right, database]) await one[Symbol.asyncDispose]()
    },
  }
}

describe('a gateway whose clock is 20 seconds ahead', () => {
  test('is not ready, says why, and logs it once', async () => {
    await using pair = await skewedPair('olive')
    const response = await fetch(`${pair.wrong.origin}/ready`)
    expect(response.status).toBe(503)
    expect(await response.json()).toMatchObject({
      reason: 'CLOCK_SKEW',
      message: expect.stringMatching(/differs from the database's by 20 s.*synchronize/) as string,
    })
    expect((await fetch(`${pair.right.origin}/ready`)).status).toBe(200)
    const logged = pair.wrong.logged.filter((line) => line.includes("this machine's clock"))
    expect(logged).toHaveLength(1)
  })

  test('spends the budget of estimates that the other one spends', async () => {
    await using pair = await skewedPair('kestrel', 10)
    const { right, wrong } = pair
    for (const index of upTo(20)) {
      for (const gateway of [right, wrong]) {
        const request = requestOf(gateway, {
          lspBalanceSat: 1_000_000 + index * 10_000 + (gateway === right ? 0 : 5_000),
        })
        await gateway.ask(QUOTES, { request, lspIds: ['kestrel'], firm: 'NEVER' })
      }
    }
    const estimates = right.sandbox.lsp('kestrel').requests.filter(({ path }) => path.endsWith('/estimate_fees'))
    // Ten at once, and one every six seconds.
    expect(estimates.length).toBeGreaterThanOrEqual(10)
    expect(estimates.length).toBeLessThan(20)
  })

  test('does not take an action that the other one has begun', async () => {
    await using pair = await skewedPair('beacon')
    const { right, wrong } = pair
    right.sandbox.lsp('beacon').setFaults(['REFUND'])
    const { id } = await orderAt(right, 'beacon')
    const follower = follow(right, id)
    await pay(right, id)
    const { snapshot: order } = await follower.until(({ snapshot: { refund } }) => refund?.state === 'AVAILABLE')
    const bolt11Invoice = right.sandbox.wallet.createInvoice(order.refund?.lightningSat ?? 0)
    right.sandbox.lsp('beacon').setFaults(['REFUND', 'SLOW'])
    await Promise.all([right, wrong].map((gateway) => gateway.ask(REQUEST_REFUND, { id, to: { bolt11Invoice } })))
    const sent = right.sandbox
      .lsp('beacon')
      .requests.filter(({ method, path }) => method === 'POST' && path.endsWith('/refund'))
    expect(sent).toHaveLength(1)
  })
})

describe('the clock of a database', () => {
  let machine = 0
  const machineClock = { now: () => machine }
  const answering = (databaseTime: number, tookMs: number) => async () => {
    machine += tookMs
    return databaseTime
  }

  test('differs from the machine by no more than an answer proves', async () => {
    machine = 1_000
    const clock = new DatabaseClock(machineClock)
    await clock.compare(answering(51_050, 100))
    expect(clock.now()).toBe(51_050)
    expect(clock.skewMs).toBe(-49_950)
    await clock.compare(answering(51_250, 200))
    expect(clock.skewMs).toBe(-49_950)
  })

  test('does not move for an answer that took long', async () => {
    machine = 1_000
    const clock = new DatabaseClock(machineClock)
    await clock.compare(answering(13_900, 13_000))
    expect(clock.skewMs).toBe(0)
  })
})
