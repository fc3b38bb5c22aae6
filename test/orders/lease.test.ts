import Database from 'libsql'
import { describe, expect, test, vi } from 'vitest'
import { leaseStepMessage, reminderOf } from '../../src/domain/lease.ts'
import { DAY_MS } from '../../src/domain/time.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import { eventsOf, followAll, orderAt, pay, readOrder, type EventData } from '../support/operations.ts'

/** The simulated leases last some three months. */
const SOON = { leaseReminderDays: 365 }
const REMINDER = /the lease of the channel ends on \d{4}-\d\d-\d\d, in \d+ days/

async function reminders(gateway: TestGateway, id: string): Promise<EventData[]> {
  return (await eventsOf(gateway, id)).filter(({ message }) => REMINDER.test(message))
}

/** Waits until there are so many; what is written once comes within two looks of the reminder. */
async function reminded(gateway: TestGateway, id: string, times: number): Promise<EventData[]> {
  return vi.waitFor(
    async () => {
      const found = await reminders(gateway, id)
      expect(found).toHaveLength(times)
      return found
    },
    { timeout: 8_000, interval: 25 },
  )
}

async function completed(gateway: TestGateway, lspId: string): Promise<string> {
  const { id } = await orderAt(gateway, lspId)
  await pay(gateway, id)
  await vi.waitFor(async () => expect((await readOrder(gateway, id)).channel?.expiresAt).toEqual(expect.any(String)), {
    timeout: 8_000,
    interval: 25,
  })
  return id
}

describe.concurrent('the end of a lease', () => {
  test('is told in time by an event, also of an order that nobody reads any more', async () => {
    await using gateway = await startTestGateway({ sandbox: { only: ['olive'] }, config: SOON })
    const news = followAll(gateway)
    const told = news.until(({ message }) => REMINDER.test(message))
    const id = await completed(gateway, 'olive')
    const [reminder] = await reminded(gateway, id, 1)
    expect(reminder).toMatchObject({
      previousState: 'COMPLETED',
      state: 'COMPLETED',
      message: expect.stringContaining('request a new quote in time'),
    })
    const order = await readOrder(gateway, id)
    expect(order.sequence).toBe(reminder?.sequence)
    expect(order.nextStep).toEqual({
      actor: 'CLIENT',
      action: 'NOTHING',
      deadline: order.channel?.expiresAt,
      message: expect.stringContaining('request a new quote in time'),
    })
    expect((await told).sequence).toBe(reminder?.sequence)
    await news.stop()
  })

  test('is told once, however often the gateway starts', async () => {
    await using gateway = await startTestGateway({ sandbox: { only: ['olive'] }, config: SOON })
    const id = await completed(gateway, 'olive')
    await reminded(gateway, id, 1)
    const { sequence } = await readOrder(gateway, id)
    await gateway.restart()
    await gateway.restart()
    // Its first look is done when it stops.
    expect((await readOrder(gateway, id)).sequence).toBe(sequence)
  })

  test('that came near while no gateway ran is told at the next start', async () => {
    const config = { leaseReminderDays: 0 }
    await using gateway = await startTestGateway({ sandbox: { only: ['olive'] }, config })
    const id = await completed(gateway, 'olive')
    expect(await reminders(gateway, id)).toEqual([])
    config.leaseReminderDays = 365
    await gateway.restart()
    await reminded(gateway, id, 1)
  })

  test('is told of orders from before anybody was reminded', async () => {
    const config = { leaseReminderDays: 0 }
    await using gateway = await startTestGateway({ sandbox: { only: ['olive'] }, config })
    const id = await completed(gateway, 'olive')
    const { id: unpaid } = await orderAt(gateway, 'olive', { lspBalanceSat: 2_000_000 })
    const database = new Database(gateway.databaseUrl)
    // As the migration leaves them.
    database.exec('update orders set lease_ends_at = 0')
    database.close()
    config.leaseReminderDays = 365
    await gateway.restart()
    await reminded(gateway, id, 1)
    expect(await reminders(gateway, unpaid)).toEqual([])
  })

  test('that a renewal moves is told again, with the renewal as what helps', async () => {
    await using gateway = await startTestGateway({ sandbox: { only: ['anchor'] }, config: SOON })
    const id = await completed(gateway, 'anchor')
    const [first] = await reminded(gateway, id, 1)
    expect(first?.message).toContain('call renewChannel to extend it')
    const { channel } = await readOrder(gateway, id)
    const validTo = new Date(Date.now() + 3_600_000).toISOString()
    const { renewalMessage } = await gateway.ask(
      'query ($scid: String!, $validTo: DateTime!) { renewalMessage(lspId: "anchor", shortChannelId: $scid, validTo: $validTo) }',
      { scid: channel?.shortChannelId, validTo },
    )
    const { sandboxWallet } = await gateway.ask(
      'query ($message: String!) { sandboxWallet { signMessage(message: $message) } }',
      { message: renewalMessage },
    )
    const input = {
      lspId: 'anchor',
      shortChannelId: channel?.shortChannelId,
      term: { validTo },
      idempotencyKey: 'renewal',
      signedMessage: sandboxWallet.signMessage,
    }
    const { renewChannel } = await gateway.ask(
      'mutation ($input: RenewChannelInput!) { renewChannel(input: $input) { ... on Renewal { id } } }',
      { input },
    )
    await pay(gateway, renewChannel.id)
    const both = await reminded(gateway, id, 2)
    const order = await readOrder(gateway, id)
    expect(Date.parse(order.channel?.expiresAt ?? '')).toBeGreaterThan(Date.parse(channel?.expiresAt ?? ''))
    expect(both.at(-1)?.message).toContain(order.channel?.expiresAt?.slice(0, 10))
    expect(order.nextStep).toMatchObject({
      actor: 'CLIENT',
      action: 'RENEW',
      deadline: order.channel?.expiresAt,
    })
  })
})

test('what is said of a lease names its day and what helps', () => {
  const end = Date.UTC(2026, 11, 3, 12)
  expect(reminderOf(end, [], end - 7 * DAY_MS)).toBe(
    'the lease of the channel ends on 2026-12-03, in 7 days: request a new quote in time to replace it',
  )
  expect(reminderOf(end, ['RENEWAL'], end - 1)).toBe(
    'the lease of the channel ends on 2026-12-03, in 1 day: call renewChannel to extend it',
  )
  expect(reminderOf(end, [], end + DAY_MS)).toContain('ended on 2026-12-03: ')
  expect(leaseStepMessage(end, ['RENEWAL'])).toBe(
    'The LSP may close the channel after 2026-12-03: call renewChannel to extend it.',
  )
})
