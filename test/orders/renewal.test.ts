import { describe, expect, test, vi } from 'vitest'
import { NODE, settings } from '../quotes/support.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import { CHANNEL_FIELDS, follow, orderAt, pay, PAYMENT_FIELDS } from '../support/operations.ts'
import { json, QueueServer } from '../support/queue-server.ts'

const RENEWAL = `sequence isFinal nextStep { actor action message } failureReason lspOrderId lspState id lsp { id } shortChannelId state feeTotalSat payment { ${PAYMENT_FIELDS} } checks { code verdict message } channel { ${CHANNEL_FIELDS} } renewedUntil createdAt updatedAt`
const RENEW = `mutation ($input: RenewChannelInput!) {
  renewChannel(input: $input) { __typename ... on Renewal { ${RENEWAL} } ... on LspError { message code lsp { id } } ... on IdempotencyConflictError { message } ... on NotRenewableError { message } }
}`
const MESSAGE =
  'query ($lspId: ID!, $scid: String!, $validTo: DateTime!) { renewalMessage(lspId: $lspId, shortChannelId: $scid, validTo: $validTo) }'
const SIGN = 'query ($message: String!) { sandboxWallet { signMessage(message: $message) } }'
const WEEK_MS = 7 * 86_400_000
const inAnHour = () => new Date(Date.now() + 3_600_000).toISOString()

async function renew(
  gateway: TestGateway,
  input: {
    lspId?: string
    shortChannelId: string
    validTo: string
    signedMessage: string
    maxFeeTotalSat?: number
    idempotencyKey?: string
  },
) {
  const { validTo, idempotencyKey = `${validTo} ${input.signedMessage}`, ...rest } = input
  return (await gateway.ask(RENEW, { input: { lspId: 'anchor', ...rest, term: { validTo }, idempotencyKey } }))
    .renewChannel
}

async function renewal(gateway: TestGateway, id: string) {
  return (await gateway.ask(`query ($id: ID!) { renewal(id: $id) { ${RENEWAL} } }`, { id })).renewal
}

/** A channel by Anchor that stands. */
async function channelAt(gateway: TestGateway) {
  const { id } = await orderAt(gateway, 'anchor')
  const follower = follow(gateway, id)
  await pay(gateway, id)
  const { snapshot: order } = await follower.until((event) => event.snapshot.channel?.state === 'OPEN')
  if (!order.channel?.shortChannelId || !order.channel.expiresAt) throw new Error('the channel has no name or no end')
  return {
    follower,
    shortChannelId: order.channel.shortChannelId,
    expiresAt: order.channel.expiresAt,
    fundingTxid: order.channel.fundingTxid,
  }
}

describe.concurrent('a renewal', () => {
  test('is signed for by the node, paid, and makes the channel live longer', async () => {
    await using gateway = await startTestGateway({ sandbox: { only: ['anchor'], stepMs: 100 } })
    const { shortChannelId, expiresAt, fundingTxid, follower } = await channelAt(gateway)
    const validTo = inAnHour()
    const { renewalMessage: message } = await gateway.ask(MESSAGE, { lspId: 'anchor', scid: shortChannelId, validTo })
    expect(message).toBe(
      `${gateway.sandbox.lsp('anchor').url}/lsp/channel/renew/?scid=${shortChannelId}&valid_to=${Math.floor(Date.parse(validTo) / 1000)}`,
    )
    const { sandboxWallet } = await gateway.ask(SIGN, { message })

    const ordered = await renew(gateway, { shortChannelId, validTo, signedMessage: sandboxWallet.signMessage })
    const renewedUntil = new Date(Date.parse(expiresAt) + 13 * WEEK_MS).toISOString()
    expect(ordered).toMatchObject({
      __typename: 'Renewal',
      lsp: { id: 'anchor' },
      shortChannelId,
      state: 'AWAITING_PAYMENT',
      feeTotalSat: 5_590,
      checks: expect.arrayContaining([
        expect.objectContaining({ code: 'INVOICE_AMOUNT', verdict: 'PASSED' }),
        expect.objectContaining({ code: 'INVOICE_PAYEE', verdict: 'PASSED' }),
      ]),
      payment: {
        bolt11: {
          state: 'EXPECT_PAYMENT',
          feeTotalSat: 5_590,
          orderTotalSat: 5_590,
          paymentHash: expect.stringMatching(/^[0-9a-f]{64}$/),
        },
        // Seed 002, btc_address: as for orders, an on-chain payment comes with a warning about refunds.
        onchain: { state: 'EXPECT_PAYMENT', orderTotalSat: 5_590 },
      },
      channel: {
        state: 'OPEN',
        shortChannelId,
        expiresAt,
        fundingOutpoint: expect.stringMatching(new RegExp(`^${fundingTxid}:\\d$`)),
      },
    })

    await pay(gateway, ordered.id)
    await vi.waitFor(async () => expect(await renewal(gateway, ordered.id)).toMatchObject({ state: 'RENEWED' }), {
      timeout: 5_000,
    })
    expect(await renewal(gateway, ordered.id)).toMatchObject({
      renewedUntil,
      payment: { bolt11: { state: 'PAID' } },
      channel: { state: 'OPEN', expiresAt: renewedUntil },
    })
    expect(Date.parse(renewedUntil)).toBeGreaterThan(Date.parse(expiresAt))
    // Whoever follows the channel's own order is told too.
    const told = await follower.until(({ snapshot: order }) => order.channel?.expiresAt === renewedUntil)
    expect(told).toMatchObject({ state: 'COMPLETED', message: `channel guaranteed until ${renewedUntil.slice(0, 10)}` })
    await follower.stop()
  })

  test('has its events in the feed, beside those of the orders, in `events` and in the subscription', async () => {
    await using gateway = await startTestGateway({ sandbox: { only: ['anchor'], stepMs: 100 } })
    const { shortChannelId, follower } = await channelAt(gateway)
    await follower.stop()
    const validTo = inAnHour()
    const { renewalMessage: message } = await gateway.ask(MESSAGE, { lspId: 'anchor', scid: shortChannelId, validTo })
    const { sandboxWallet } = await gateway.ask(SIGN, { message })
    const { latestEventCursor: after } = await gateway.ask('{ latestEventCursor }')
    const FIELDS = `__typename id cursor message ... on RenewalEvent {
      renewalId sequence previousState state renewal { id state } }`
    const live = gateway.subscribe(`subscription ($after: String) { events(after: $after) { ${FIELDS} } }`, { after })

    const { id } = await renew(gateway, { shortChannelId, validTo, signedMessage: sandboxWallet.signMessage })
    await pay(gateway, id)
    type Entry = { __typename: string; id: string; cursor: string; sequence: number; state: string }
    const heard: Entry[] = []
    for await (const { data } of live) {
      const event = data.events as Entry
      if (event.__typename === 'RenewalEvent') heard.push(event)
      if (event.state === 'RENEWED') break
    }
    expect(heard[0]).toMatchObject({
      id: `${id}.1`,
      renewalId: id,
      previousState: null,
      state: 'AWAITING_PAYMENT',
      message: expect.stringContaining('5590 sat to pay'),
      renewal: { id },
    })
    expect(heard.map(({ sequence }) => sequence)).toEqual(heard.map((_, index) => index + 1))
    const { events } = await gateway.ask(`query ($after: String) { events(after: $after) { nodes { ${FIELDS} } } }`, {
      after,
    })
    const kept = (events.nodes as Entry[]).filter(({ __typename }) => __typename === 'RenewalEvent')
    expect(kept.slice(0, heard.length).map((event) => event.cursor)).toEqual(heard.map((event) => event.cursor))
  })

  test('that is asked for again with the same signature is the same renewal, at the same time or after it was paid', async () => {
    await using gateway = await startTestGateway({ sandbox: { only: ['anchor'], stepMs: 100 } })
    const { shortChannelId, follower } = await channelAt(gateway)
    await follower.stop()
    const validTo = inAnHour()
    const { renewalMessage } = await gateway.ask(MESSAGE, { lspId: 'anchor', scid: shortChannelId, validTo })
    const input = { shortChannelId, validTo, signedMessage: gateway.sandbox.wallet.signMessage(renewalMessage) }
    const renewals = await Promise.all([renew(gateway, input), renew(gateway, input), renew(gateway, input)])
    expect(new Set(renewals.map(({ id }) => id)).size).toBe(1)
    const [{ id }] = renewals
    await pay(gateway, id)
    await vi.waitFor(
      async () =>
        expect(await renew(gateway, input)).toMatchObject({
          id,
          state: 'RENEWED',
          payment: { bolt11: { state: 'PAID' } },
        }),
      { timeout: 5_000 },
    )
    expect(
      gateway.sandbox.lsp('anchor').requests.filter(({ path }) => path.startsWith('/lsp/channel/renew')),
    ).toHaveLength(1)
  })

  test('with a wrong signature, or for a channel that is not there, is the LSP’s error', async () => {
    await using gateway = await startTestGateway({ sandbox: { only: ['anchor'] } })
    const { shortChannelId, follower } = await channelAt(gateway)
    await follower.stop()
    const validTo = inAnHour()
    const signed = gateway.sandbox.wallet.signMessage('something else')
    expect(await renew(gateway, { shortChannelId, validTo, signedMessage: signed })).toEqual({
      __typename: 'LspError',
      message: 'signedmessage is not by the node of this channel',
      code: 'INVALID_REQUEST',
      lsp: { id: 'anchor' },
    })
    expect(await renew(gateway, { shortChannelId: '1x2x3', validTo, signedMessage: signed })).toMatchObject({
      __typename: 'LspError',
      code: 'NOT_FOUND',
      message: 'Channel not found',
    })
    expect(gateway.sandbox.lsp('anchor').orderCount).toBe(1)
  })

  test('is a NotRenewableError at each LSP whose protocol has none, and renewalMessage is null there', async () => {
    await using gateway = await startTestGateway({ sandbox: { only: ['olive', 'kestrel', 'thunder', 'beacon'] } })
    const input = { shortChannelId: '1x2x3', validTo: inAnHour(), signedMessage: 'x' }
    for (const lspId of ['olive', 'kestrel', 'thunder', 'beacon']) {
      expect(await renew(gateway, { lspId, ...input })).toEqual({
        __typename: 'NotRenewableError',
        message: expect.stringContaining('does not renew channels'),
      })
      expect(await gateway.ask(MESSAGE, { lspId, scid: '1x2x3', validTo: input.validTo })).toEqual({
        renewalMessage: null,
      })
    }
  })

  test('goes on after the gateway was stopped and started again', async () => {
    await using gateway = await startTestGateway({ sandbox: { only: ['anchor'] } })
    const { shortChannelId, follower } = await channelAt(gateway)
    await follower.stop()
    const validTo = inAnHour()
    const { renewalMessage } = await gateway.ask(MESSAGE, { lspId: 'anchor', scid: shortChannelId, validTo })
    const { id } = await renew(gateway, {
      shortChannelId,
      validTo,
      signedMessage: gateway.sandbox.wallet.signMessage(renewalMessage),
    })
    await gateway.restart()
    await pay(gateway, id)
    await vi.waitFor(async () => expect(await renewal(gateway, id)).toMatchObject({ state: 'RENEWED' }), {
      timeout: 5_000,
    })
  })

  test('of nobody’s is null', async () => {
    await using gateway = await startTestGateway({ sandbox: { only: [] } })
    expect(await renewal(gateway, '01900000-0000-7000-8000-000000000000')).toBeNull()
  })
})

describe.concurrent('of an LSP that answers otherwise than it was asked', () => {
  const SCID = '643904x1419x1'

  function invoice(description: string): string {
    return NODE.issueInvoice({
      amountSat: 1_000,
      description,
      createdAt: Date.now(),
      expiresAt: Date.now() + 3_600_000,
    }).bolt11
  }

  /** An LSP of draft 0.0.1 whose `answer` a test changes; renews at once. */
  async function renewing(
    answer: Record<string, unknown> = {},
    input: { maxFeeTotalSat?: number; idempotencyKey?: string } = {},
  ) {
    const nowSeconds = Math.floor(Date.now() / 1_000)
    const honest = {
      order_id: 'renewal-1',
      fee_total: 1_000,
      order_expiry_ts: nowSeconds + 3_600,
      amount_paid: 0,
      ln_invoice: invoice('a renewal'),
      btc_address: '',
      channel_open_tx: 'ab'.repeat(32),
      channel_open_tx_outnum: 0,
      channel_expiry_ts: nowSeconds + 86_400,
      channel_renewed_expiry: 13,
      channel_renewed_expiry_ts: nowSeconds + 864_000,
      scid: SCID,
      state: 'CREATED',
    }
    const state = { answer: { ...honest, ...answer }, readings: 0, requests: 0, isForgotten: false, offsetMs: 0 }
    const server = await QueueServer.start()
    server.always((request, response) => {
      if (request.path === '/lsp/channel') state.readings += 1
      else state.requests += 1
      const isUnknown = state.isForgotten && request.path === '/lsp/channel'
      json(isUnknown ? 404 : 200, isUnknown ? { message: 'Order not found' } : state.answer)(request, response)
    })
    const gateway = await startTestGateway({
      sandbox: { only: [] },
      clock: { now: () => Date.now() + state.offsetMs },
      config: {
        lsps: [settings('draft', server.url, { protocol: 'CHANNEL_REQUEST_V0_0_1' })],
        pace: { activeMs: 20, idleMs: 1_000 },
      },
    })
    const asked = { lspId: 'draft', shortChannelId: SCID, validTo: inAnHour(), signedMessage: 'signed', ...input }
    const ordered = await renew(gateway, asked)
    return {
      again: (other: object = {}) => renew(gateway, { ...asked, ...other }),
      gateway,
      ordered,
      state,
      nowSeconds,
      async untilRead() {
        const before = state.readings
        await vi.waitUntil(() => state.readings >= before + 2, { timeout: 8_000, interval: 10 })
      },
      async [Symbol.asyncDispose]() {
        await gateway[Symbol.asyncDispose]()
        await server[Symbol.asyncDispose]()
      },
    }
  }

  test('nothing is to be paid for another channel, nor until an end that is past', async () => {
    await using another = await renewing({ scid: '643904x1419x2' })
    expect(another.ordered).toMatchObject({
      __typename: 'LspError',
      code: 'UNTRUSTWORTHY',
      message: 'the LSP answered for the channel 643904x1419x2',
    })
    await using past = await renewing({ channel_renewed_expiry_ts: Math.floor(Date.now() / 1_000) - 60 })
    expect(past.ordered).toMatchObject({
      __typename: 'LspError',
      code: 'UNTRUSTWORTHY',
      message: expect.stringContaining('which is past'),
    })
    await using spelt = await renewing({ scid: SCID.replaceAll('x', ':') })
    expect(spelt.ordered).toMatchObject({ __typename: 'Renewal', shortChannelId: SCID })
  })

  test.each([
    ['another order', { order_id: 'renewal-2' }],
    ['another channel', { scid: '1x2x3' }],
  ])('an answer about %s changes nothing', async (_, answer) => {
    await using at = await renewing()
    const before = await renewal(at.gateway, at.ordered.id)
    Object.assign(at.state.answer, { state: 'OPENED', amount_paid: 1_000, ...answer })
    await vi.waitUntil(() => at.state.readings >= 2, { timeout: 8_000, interval: 10 })
    expect(await renewal(at.gateway, at.ordered.id)).toEqual(before)
    Object.assign(at.state.answer, { order_id: 'renewal-1', scid: SCID })
    await vi.waitFor(async () => expect(await renewal(at.gateway, at.ordered.id)).toMatchObject({ state: 'RENEWED' }), {
      timeout: 5_000,
    })
  })

  test('an invoice that takes the place of the first one is shown to nobody, and neither is the first one then', async () => {
    await using at = await renewing()
    expect(at.ordered).toMatchObject({
      state: 'AWAITING_PAYMENT',
      payment: { bolt11: { invoice: at.state.answer.ln_invoice } },
    })
    at.state.answer.ln_invoice = invoice('something else')
    await at.untilRead()
    await vi.waitFor(
      async () =>
        expect(await renewal(at.gateway, at.ordered.id)).toMatchObject({ payment: { bolt11: null, bip21: null } }),
      { timeout: 5_000 },
    )
  })

  test('a renewal that it answers with again, whatever is signed, is the one that it was', async () => {
    await using at = await renewing()
    const again = await renew(at.gateway, {
      lspId: 'draft',
      shortChannelId: SCID,
      validTo: inAnHour(),
      signedMessage: 'signed anew',
    })
    expect(again).toMatchObject({ id: at.ordered.id, payment: at.ordered.payment })
  })

  test('another renewal that is to be paid by the invoice of the first one is not to be paid', async () => {
    await using at = await renewing()
    Object.assign(at.state.answer, { order_id: 'renewal-2' })
    const another = await renew(at.gateway, {
      lspId: 'draft',
      shortChannelId: SCID,
      validTo: inAnHour(),
      signedMessage: 'signed anew',
    })
    expect(another).toMatchObject({
      __typename: 'LspError',
      code: 'UNTRUSTWORTHY',
      message: expect.stringContaining('something else is to be paid to'),
    })
  })

  test('a renewal whose end moves back after the payment is UNKNOWN and not COMPLETED (seed 002, channel_renewed_expiry_ts)', async () => {
    await using at = await renewing()
    Object.assign(at.state.answer, {
      state: 'OPENED',
      amount_paid: 1_000,
      channel_renewed_expiry_ts: at.nowSeconds - 60,
    })
    await vi.waitFor(
      async () =>
        expect(await renewal(at.gateway, at.ordered.id)).toMatchObject({
          state: 'UNKNOWN',
          renewedUntil: at.ordered.renewedUntil,
          sequence: 2,
          nextStep: { action: 'CONTACT_LSP', message: expect.stringContaining('earlier end') },
        }),
      { timeout: 5_000 },
    )
  })

  test.each([
    ['an end before the present one', { channel_renewed_expiry_ts: Math.floor(Date.now() / 1_000) + 3_600 }],
    ['no end', { channel_renewed_expiry_ts: null }],
    ['a payment in the first answer', { state: 'PENDING', amount_paid: 1_000 }],
  ])(
    'a first answer with %s is UNTRUSTWORTHY, and a repeated call sends no second request (W11)',
    async (_, answer) => {
      await using at = await renewing(answer)
      expect(at.ordered).toMatchObject({ __typename: 'LspError', code: 'UNTRUSTWORTHY' })
      expect(await at.again()).toEqual(at.ordered)
      expect(at.state.requests).toBe(1)
    },
  )

  test('a renewal above maxFeeTotalSat is not payable', async () => {
    await using at = await renewing({}, { maxFeeTotalSat: 999 })
    expect(at.ordered).toMatchObject({
      __typename: 'LspError',
      code: 'UNTRUSTWORTHY',
      message: expect.stringContaining('maxFeeTotalSat'),
    })
  })

  test('a repeated idempotencyKey returns the same renewal, and with another input is an IdempotencyConflictError', async () => {
    await using at = await renewing({}, { idempotencyKey: 'key-1' })
    expect(at.ordered).toMatchObject({ sequence: 1, isFinal: false, nextStep: { action: 'PAY' }, lspState: 'CREATED' })
    expect(await at.again()).toMatchObject({ id: at.ordered.id })
    for (const other of [{ maxFeeTotalSat: 5_000 }, { signedMessage: 'another' }, { shortChannelId: '1x2x3' }])
      expect(await at.again(other)).toMatchObject({ __typename: 'IdempotencyConflictError' })
    expect(at.state.requests).toBe(1)
  })

  test('without an idempotencyKey, the same signature with another maximum is an IdempotencyConflictError', async () => {
    await using at = await renewing()
    expect(await at.again({ maxFeeTotalSat: 1_000 })).toMatchObject({ __typename: 'IdempotencyConflictError' })
    expect(at.state.requests).toBe(1)
  })

  test('channel_renewed_expiry weeks beyond the reported end are a warning (seed 002, W11)', async () => {
    await using at = await renewing()
    expect(at.ordered.checks).toContainEqual(
      expect.objectContaining({
        code: 'LEASE_KEPT',
        verdict: 'WARNING',
        message: expect.stringContaining('the LSP reports 13 weeks'),
      }),
    )
  })

  test.each([
    ['reports as CREATED', false],
    ['no longer knows', true],
  ])('an unpaid renewal that its LSP %s is EXPIRED and not polled after 400 days', async (_, isForgotten) => {
    await using at = await renewing()
    at.state.isForgotten = isForgotten
    await at.untilRead()
    at.state.offsetMs = 400 * 86_400_000
    await vi.waitFor(
      async () =>
        expect(await renewal(at.gateway, at.ordered.id)).toMatchObject({
          state: 'EXPIRED',
          isFinal: true,
          nextStep: { actor: 'NOBODY' },
          payment: { bolt11: null, bip21: null },
        }),
      { timeout: 8_000 },
    )
    const { readings } = at.state
    at.state.offsetMs += 30 * 86_400_000
    // Ten times the pace of an active renewal.
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect(at.state.readings).toBe(readings)
  })

  test('a paid renewal that its LSP no longer knows ends, and the client contacts the LSP', async () => {
    await using at = await renewing()
    Object.assign(at.state.answer, { state: 'PENDING', amount_paid: 1_000 })
    await vi.waitFor(
      async () =>
        expect(await renewal(at.gateway, at.ordered.id)).toMatchObject({ state: 'PAID', nextStep: { action: 'WAIT' } }),
      { timeout: 8_000 },
    )
    at.state.isForgotten = true
    await at.untilRead()
    at.state.offsetMs = 400 * 86_400_000
    await vi.waitFor(
      async () =>
        expect(await renewal(at.gateway, at.ordered.id)).toMatchObject({
          isFinal: true,
          nextStep: { action: 'CONTACT_LSP', message: expect.stringContaining('renewal-1') },
        }),
      { timeout: 8_000 },
    )
  })

  test('a lost answer leaves OUTCOME_UNKNOWN, and a repeated call sends no second request', async () => {
    await using at = await renewing({ order_id: null })
    expect(at.ordered).toMatchObject({ __typename: 'Renewal', state: 'OUTCOME_UNKNOWN', payment: { bolt11: null } })
    expect(at.ordered).toMatchObject({ isFinal: true, nextStep: { action: 'DO_NOT_PAY' }, lspOrderId: null })
    expect(await at.again()).toMatchObject({ id: at.ordered.id, state: 'OUTCOME_UNKNOWN' })
    expect(at.state.requests).toBe(1)
  })
})
