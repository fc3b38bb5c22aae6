import { expect, test } from 'vitest'
import {
  compare,
  failureOf,
  idsOf,
  orderPosts,
  QUOTE_ARRIVED,
  quoteOf,
  requestOf,
  requestsTo,
  settings,
  settingsOf,
  type FailureData,
  type QuoteData,
} from './support.ts'
import { QueueServer } from '../support/queue-server.ts'
import { startTestGateway } from '../support/gateway.ts'
import { startSandbox } from '../../src/sandbox/index.ts'

// A gateway that stops waits for orders that are on their way: where an LSP hangs, it is closed first.

const ALL = ['anchor', 'beacon', 'kestrel', 'olive', 'thunder']

test('one LSP of six that hangs delays the comparison by nothing but its deadline', async () => {
  await using sandbox = await startSandbox()
  await using hanging = await QueueServer.start()
  hanging.always(() => {})
  await using gateway = await startTestGateway({
    sandbox: { only: [] },
    config: {
      lsps: [settings('hanging', hanging.url, { timeoutMs: 8_000 }), ...sandbox.lsps.map((lsp) => settingsOf(lsp))],
    },
  })
  const startedAt = performance.now()
  const { quotes, failures, elapsedMs } = await compare(gateway, { deadlineMs: 1_200 })
  const tookMs = performance.now() - startedAt
  expect(idsOf(quotes).toSorted()).toEqual(ALL)
  expect(failures.map(({ lsp, code }) => [lsp.id, code])).toEqual([['hanging', 'TIMEOUT']])
  expect(elapsedMs).toBeGreaterThanOrEqual(1_190)
  expect(tookMs).toBeLessThan(2_200)
})

test('an LSP that tells its limits and then hangs at the order delays the comparison by no more either', async () => {
  await using sandbox = await startSandbox()
  await using second = await startSandbox({ only: ['olive'] })
  await using gateway = await startTestGateway({
    sandbox: { only: [] },
    config: {
      lsps: [settingsOf(second.lsp('olive'), { id: 'hanging' }), ...sandbox.lsps.map((lsp) => settingsOf(lsp))],
    },
  })
  await compare(gateway, { firm: 'NEVER' })
  second.lsp('olive').setFaults(['HANGING'])
  const { quotes, failures, elapsedMs } = await compare(gateway, { deadlineMs: 1_000 })
  expect(idsOf(quotes).toSorted()).toEqual(ALL)
  expect(idsOf(failures)).toEqual(['hanging'])
  expect(elapsedMs).toBeLessThan(2_000)
  await second.close()
})

test('the same question to an LSP that hangs, a hundred times, is one order', async () => {
  await using gateway = await startTestGateway({ sandbox: { only: ['olive'] } })
  const olive = gateway.sandbox.lsp('olive')
  await compare(gateway, { firm: 'NEVER' })
  olive.setFaults(['HANGING'])
  const answers = await Promise.all(Array.from({ length: 100 }, () => failureOf(gateway, 'olive', { deadlineMs: 200 })))
  expect(new Set(answers.map(({ code }) => code))).toEqual(new Set(['TIMEOUT']))
  expect((await failureOf(gateway, 'olive', { deadlineMs: 50 })).code).toBe('TIMEOUT')
  expect(orderPosts(olive)).toHaveLength(1)
  await gateway.sandbox.close()
})

test('a firm quote that comes after the deadline answers the next asker, from the same order', async () => {
  await using gateway = await startTestGateway({ sandbox: { only: ['olive'], slowMs: 400 } })
  const olive = gateway.sandbox.lsp('olive')
  await compare(gateway, { firm: 'NEVER' })
  olive.setFaults(['SLOW'])
  expect(await failureOf(gateway, 'olive', { deadlineMs: 100 })).toMatchObject({
    code: 'TIMEOUT',
    message: 'no answer within 100 ms',
  })
  // While it is on its way, whoever has more patience waits for the same one.
  const quote = await quoteOf(gateway, 'olive')
  expect(quote).toMatchObject({ basis: 'FIRM', feeTotalSat: 5_200 })
  expect(await quoteOf(gateway, 'olive', { deadlineMs: 390 })).toEqual(quote)
  expect(orderPosts(olive)).toHaveLength(1)
  expect(olive.orderCount).toBe(1)
})

test('a firm quote that comes when nobody waits any more is there for the next asker', async () => {
  await using gateway = await startTestGateway({ sandbox: { only: ['olive'], slowMs: 200 } })
  const olive = gateway.sandbox.lsp('olive')
  await compare(gateway, { firm: 'NEVER' })
  olive.setFaults(['SLOW'])
  expect((await failureOf(gateway, 'olive', { deadlineMs: 50 })).code).toBe('TIMEOUT')
  await expect
    .poll(async () => (await compare(gateway, { firm: 'NEVER' })).quotes.map(({ basis }) => basis), { interval: 20 })
    .toEqual(['FIRM'])
  expect(orderPosts(olive)).toHaveLength(1)
})

test('an estimate is shared by those who ask at the same time, and one’s short deadline is not the others’', async () => {
  await using gateway = await startTestGateway({ sandbox: { only: ['kestrel'], slowMs: 300 } })
  const kestrel = gateway.sandbox.lsp('kestrel')
  await compare(gateway, { request: { lspBalanceSat: 2_000_000 } })
  kestrel.setFaults(['SLOW'])
  const [hasty, patient] = await Promise.all([
    compare(gateway, { deadlineMs: 60 }),
    compare(gateway, { deadlineMs: 2_000 }),
  ])
  expect(hasty.failures).toMatchObject([{ code: 'TIMEOUT' }])
  expect(patient.quotes).toMatchObject([{ basis: 'ESTIMATED', feeTotalSat: 4_107 }])
  // One for the channel before, one for this.
  expect(requestsTo(kestrel, '/estimate_fees')).toHaveLength(2)
})

test('when the unpaid order has expired, the next question places one new', async () => {
  // An order counts as standing until ten seconds before its end: whoever is quoted it must have time to order.
  await using gateway = await startTestGateway({ sandbox: { only: ['olive'], invoiceExpiryMs: 12_000 } })
  const first = await quoteOf(gateway, 'olive')
  expect(await quoteOf(gateway, 'olive')).toEqual(first)
  await expect
    .poll(async () => (await quoteOf(gateway, 'olive')).id, { timeout: 6_000, interval: 100 })
    .not.toBe(first.id)
  expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(first.createdAt) + 1_900)
  expect(orderPosts(gateway.sandbox.lsp('olive'))).toHaveLength(2)
})

type Outcome = ({ __typename: 'Quote' } & QuoteData) | ({ __typename: 'QuoteFailure' } & FailureData)

test('quoteArrived gives the same, one LSP at a time as each answers, the slow one last', async () => {
  await using gateway = await startTestGateway({ sandbox: { slowMs: 500 } })
  await compare(gateway, { firm: 'NEVER' })
  gateway.sandbox.lsp('olive').setFaults(['SLOW'])
  gateway.sandbox.lsp('beacon').setFaults(['SERVER_ERROR'])
  const arrivals: (Outcome & { at: number })[] = []
  for await (const { data, errors } of gateway.subscribe(QUOTE_ARRIVED, { request: requestOf(gateway.sandbox) })) {
    expect(errors).toBeUndefined()
    arrivals.push({ ...(data.quoteArrived as Outcome), at: performance.now() })
  }
  // The stream has ended by itself, after one word from each LSP.
  expect(idsOf(arrivals).toSorted()).toEqual(ALL)
  expect(arrivals.at(-1)).toMatchObject({
    __typename: 'Quote',
    lsp: { id: 'olive' },
    basis: 'FIRM',
    feeTotalSat: 5_200,
  })
  expect((arrivals.at(-1)?.at ?? 0) - (arrivals.at(-2)?.at ?? 0)).toBeGreaterThan(200)
  expect(arrivals.find(({ lsp }) => lsp.id === 'beacon')).toMatchObject({
    __typename: 'QuoteFailure',
    code: 'UNAVAILABLE',
  })

  gateway.sandbox.lsp('beacon').setFaults(['SERVER_ERROR'])
  const { quotes, failures } = await compare(gateway)
  expect(idsOf(failures)).toEqual(['beacon'])
  const firmIds = (answers: readonly Outcome[]) =>
    Object.fromEntries(
      answers.flatMap((answer) => ('basis' in answer && answer.basis === 'FIRM' ? [[answer.lsp.id, answer.id]] : [])),
    )
  expect(firmIds(arrivals)).toEqual(firmIds(quotes.map((quote) => ({ __typename: 'Quote', ...quote }))))
  expect(orderPosts(gateway.sandbox.lsp('olive'))).toHaveLength(1)
})

test('quoteArrived ends at its deadline, with a word about the LSP that hangs', async () => {
  await using gateway = await startTestGateway({ sandbox: { only: ['olive', 'thunder'] } })
  await compare(gateway, { firm: 'NEVER' })
  gateway.sandbox.lsp('olive').setFaults(['HANGING'])
  const startedAt = performance.now()
  const arrivals: Outcome[] = []
  for await (const { data } of gateway.subscribe(QUOTE_ARRIVED, {
    request: requestOf(gateway.sandbox),
    deadlineMs: 300,
  }))
    arrivals.push(data.quoteArrived as Outcome)
  expect(arrivals).toMatchObject([
    { lsp: { id: 'thunder' }, basis: 'COMPUTED' },
    { lsp: { id: 'olive' }, code: 'TIMEOUT' },
  ])
  expect(performance.now() - startedAt).toBeLessThan(1_300)
  await gateway.sandbox.close()
})

test('quoteArrived refuses an unknown lspId by name', async () => {
  await using gateway = await startTestGateway({ sandbox: { only: ['olive'] } })
  const arrivals = gateway.subscribe(QUOTE_ARRIVED, { request: requestOf(gateway.sandbox), lspIds: ['nobody'] })
  await expect(arrivals.next()).rejects.toMatchObject([
    { message: 'lspIds: no LSP has the id "nobody"', extensions: { code: 'BAD_USER_INPUT' } },
  ])
})
