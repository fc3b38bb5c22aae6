import { describe, expect, test } from 'vitest'
import { accept, answer, Receiver } from './receiver.ts'
import { clientWith, deliveries, eventsOf, eventually, order, pay, startGateway, STATUS } from './support.ts'

const RETRY =
  'mutation ($id: ID!, $sequence: Int!) { retryWebhookDelivery(orderId: $id, sequence: $sequence) { orderId sequence state attempts } }'

describe('a webhook that fails for too long', () => {
  test('is given up on, event by event in their order, and that is shown', async () => {
    await using receiver = await Receiver.start()
    receiver.behave = answer(500)
    await using gateway = await startGateway(
      { url: receiver.url },
      { webhooks: { timing: { retryDelaysMs: [10], giveUpAfterMs: 150 } } },
    )
    const id = await order(gateway)
    await pay(gateway, id)
    const events = await eventually(
      () => eventsOf(gateway, id),
      (all) => all.at(-1)?.state === 'COMPLETED',
    )
    const givenUp = await eventually(
      () => deliveries(gateway, 'GIVEN_UP'),
      ({ length }) => length === events.length,
    )
    expect(givenUp.map(({ sequence }) => sequence)).toEqual(events.map(({ sequence }) => sequence))
    expect(givenUp[0]).toMatchObject({
      orderId: id,
      state: 'GIVEN_UP',
      nextAttemptAt: null,
      lastError: 'HTTP status 500',
    })
    expect(givenUp[0]?.attempts).toBeGreaterThan(1)
    const { webhook } = await gateway.ask(STATUS)
    expect(webhook).toMatchObject({
      pendingCount: 0,
      givenUpCount: events.length,
      oldestPendingAt: null,
      lastSuccessAt: null,
      lastError: 'HTTP status 500',
      disabledAt: null,
    })
    const metrics = await (await fetch(`${gateway.origin}/metrics`)).text()
    expect(metrics).toContain(`sluice_webhook_attempts_total{outcome="given_up"} ${events.length}\n`)
    expect(metrics).toMatch(/sluice_webhook_attempts_total\{outcome="failed"\} [1-9]/)
  })

  test('takes what was given up when the client asks for that', async () => {
    await using receiver = await Receiver.start()
    receiver.behave = answer(500)
    await using gateway = await startGateway({ url: receiver.url }, { webhooks: { timing: { giveUpAfterMs: 0 } } })
    const id = await order(gateway)
    await eventually(
      () => deliveries(gateway, 'GIVEN_UP'),
      ({ length }) => length === 1,
    )
    receiver.behave = accept
    const { retryWebhookDelivery } = await gateway.ask(RETRY, { id, sequence: 1 })
    expect(retryWebhookDelivery).toMatchObject({ orderId: id, sequence: 1, state: 'PENDING' })
    await receiver.until(({ length }) => length === 2)
    expect(new Set(receiver.received.map((one) => one.id))).toEqual(new Set([`${id}.1`]))
    const { webhook } = await eventually(
      () => gateway.ask(STATUS),
      (data) => data.webhook.pendingCount === 0,
    )
    expect(webhook.lastSuccessAt).not.toBeNull()
    expect((await gateway.ask(RETRY, { id, sequence: 1 })).retryWebhookDelivery).toBeNull()
  })

  test('shows while it fails what is pending, since when, and when it is tried again', async () => {
    await using receiver = await Receiver.start()
    receiver.behave = answer(502)
    await using gateway = await startGateway(
      { url: receiver.url },
      { webhooks: { timing: { retryDelaysMs: [3_600_000] } } },
    )
    const id = await order(gateway)
    const [pending] = await eventually(
      () => deliveries(gateway, 'PENDING'),
      ([first]) => first?.attempts === 1,
    )
    expect(pending).toMatchObject({ orderId: id, sequence: 1, state: 'PENDING', lastError: 'HTTP status 502' })
    const waitMs = Date.parse(String(pending?.nextAttemptAt)) - Date.now()
    // An hour, give or take the jitter.
    expect(waitMs).toBeGreaterThan(0.75 * 3_600_000)
    expect(waitMs).toBeLessThan(1.25 * 3_600_000)
    const { webhook } = await gateway.ask(STATUS)
    expect(webhook.pendingCount).toBeGreaterThanOrEqual(1)
    expect(Date.now() - Date.parse(webhook.oldestPendingAt)).toBeLessThan(60_000)
    receiver.behave = accept
    await gateway.ask(RETRY, { id, sequence: 1 })
    await eventually(
      () => deliveries(gateway, 'PENDING'),
      ({ length }) => length === 0,
    )
  })
})

test('a webhook that answers 410 is left alone until a restart, and then told everything', async () => {
  await using receiver = await Receiver.start()
  receiver.behave = answer(410)
  await using gateway = await startGateway({ url: receiver.url }, { webhooks: { timing: { retryDelaysMs: [1] } } })
  const id = await order(gateway)
  await eventually(
    () => gateway.ask(STATUS),
    ({ webhook }) => webhook.disabledAt !== null,
  )
  await pay(gateway, id)
  await eventually(
    () => eventsOf(gateway, id),
    (all) => all.at(-1)?.state === 'COMPLETED',
  )
  expect(receiver.received).toHaveLength(1)
  receiver.behave = accept
  await gateway.restart()
  await receiver.until((all) => all.at(-1)?.data.state === 'COMPLETED')
  expect(receiver.received.slice(1).map(({ data }) => data.sequence)).toEqual(
    (await eventsOf(gateway, id)).map(({ sequence }) => sequence),
  )
  expect((await gateway.ask(STATUS)).webhook.disabledAt).toBeNull()
})

test('a webhook that left the configuration and came back a while later goes on where it was', async () => {
  await using receiver = await Receiver.start()
  receiver.behave = answer(500)
  const config = { clients: [clientWith({ url: receiver.url })] }
  await using gateway = await startGateway(undefined, { config, webhooks: { timing: { retryDelaysMs: [20] } } })
  const before = await order(gateway, 'k1')
  await receiver.until(({ length }) => length > 0)
  config.clients = [clientWith()]
  await gateway.restart()
  const failed = receiver.received.length
  const meanwhile = await order(gateway, 'k2')
  config.clients = [clientWith({ url: receiver.url })]
  receiver.behave = accept
  await gateway.restart()
  await receiver.until(({ length }) => length === failed + 2)
  expect(new Set(receiver.received.slice(failed).map((one) => one.id))).toEqual(
    new Set([`${before}.1`, `${meanwhile}.1`]),
  )
})

describe('a webhook within a private network is told nothing', () => {
  const refusals = (gateway: Parameters<typeof deliveries>[0]) =>
    eventually(
      () => deliveries(gateway, 'GIVEN_UP'),
      ({ length }) => length === 1,
    )

  test('when its address says so', async () => {
    await using receiver = await Receiver.start()
    await using gateway = await startGateway(
      { url: receiver.url.replace('http:', 'https:'), allowPrivateAddresses: false },
      { webhooks: { timing: { giveUpAfterMs: 0 } } },
    )
    await order(gateway)
    expect(await refusals(gateway)).toMatchObject([
      { lastError: 'a private address is not allowed without allowPrivateAddresses' },
    ])
  })

  test('when its name leads there, whatever it led to before', async () => {
    await using receiver = await Receiver.start()
    const { port } = new URL(receiver.url)
    const lookup = (
      _: string,
      __: unknown,
      found: (error: null, addresses: { address: string; family: number }[]) => void,
    ) => found(null, [{ address: '127.0.0.1', family: 4 }])
    await using gateway = await startGateway(
      { url: `https://wallet.example:${port}/`, allowPrivateAddresses: false },
      { webhooks: { timing: { giveUpAfterMs: 0 }, surroundings: { lookup } } },
    )
    await order(gateway)
    const [given] = await refusals(gateway)
    expect(given?.lastError).toContain('resolves to a private address')
    expect(receiver.received).toEqual([])
  })
})
