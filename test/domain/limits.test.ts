import { expect, test } from 'vitest'
import { channelRequest } from '../support/adapter-call.ts'
import { bindingLimits, brokenLimit, withDefaults } from '../../src/domain/limits.ts'
import { NO_LIMITS, type LspLimits } from '../../src/domain/lsp.ts'
import { sat } from '../../src/domain/money.ts'
import type { ChannelRequest } from '../../src/domain/request.ts'
import { weeksOfBlocks } from '../../src/domain/time.ts'

const LIMITS: LspLimits = {
  minLspBalanceSat: sat(100_000),
  maxLspBalanceSat: sat(10_000_000),
  minClientBalanceSat: sat(1_000),
  maxClientBalanceSat: sat(5_000_000),
  minChannelBalanceSat: sat(150_000),
  maxChannelBalanceSat: sat(12_000_000),
  maxChannelExpiryBlocks: 20_160,
  minRequiredChannelConfirmations: 2,
  minFundingConfirmsWithinBlocks: 6,
  minOnchainPaymentSat: sat(1_000),
  minOnchainPaymentConfirmations: 3,
}

const WITHIN: Partial<ChannelRequest> = {
  lspBalanceSat: sat(1_000_000),
  clientBalanceSat: sat(1_000),
  channelExpiryBlocks: 12_960,
  requiredChannelConfirmations: 2,
  fundingConfirmsWithinBlocks: 6,
}
const broken = (changes: Partial<ChannelRequest>, limits: LspLimits = LIMITS) =>
  brokenLimit(channelRequest({ ...WITHIN, ...changes }), limits)

test.each<[keyof LspLimits, string, Partial<ChannelRequest>, Partial<ChannelRequest>, string]>([
  [
    'minLspBalanceSat',
    'LSP_BALANCE',
    { lspBalanceSat: sat(100_000), clientBalanceSat: sat(50_000) },
    { lspBalanceSat: sat(99_999), clientBalanceSat: sat(60_000) },
    "99999 is below the LSP's limit of 100000",
  ],
  [
    'maxLspBalanceSat',
    'LSP_BALANCE',
    { lspBalanceSat: sat(10_000_000) },
    { lspBalanceSat: sat(10_000_001) },
    "10000001 is above the LSP's limit of 10000000",
  ],
  [
    'minClientBalanceSat',
    'CLIENT_BALANCE',
    { clientBalanceSat: sat(1_000) },
    { clientBalanceSat: sat(999) },
    "999 is below the LSP's limit of 1000",
  ],
  [
    'maxClientBalanceSat',
    'CLIENT_BALANCE',
    { clientBalanceSat: sat(5_000_000) },
    { clientBalanceSat: sat(5_000_001) },
    "5000001 is above the LSP's limit of 5000000",
  ],
  [
    'minChannelBalanceSat',
    'CHANNEL_BALANCE',
    { lspBalanceSat: sat(149_000) },
    { lspBalanceSat: sat(148_999) },
    "149999 is below the LSP's limit of 150000",
  ],
  [
    'maxChannelBalanceSat',
    'CHANNEL_BALANCE',
    { lspBalanceSat: sat(8_000_000), clientBalanceSat: sat(4_000_000) },
    { lspBalanceSat: sat(8_000_000), clientBalanceSat: sat(4_000_001) },
    "12000001 is above the LSP's limit of 12000000",
  ],
  [
    'maxChannelExpiryBlocks',
    'CHANNEL_EXPIRY',
    { channelExpiryBlocks: 20_160 },
    { channelExpiryBlocks: 20_161 },
    "20161 is above the LSP's limit of 20160",
  ],
  [
    'minRequiredChannelConfirmations',
    'REQUIRED_CHANNEL_CONFIRMATIONS',
    { requiredChannelConfirmations: 2 },
    { requiredChannelConfirmations: 1 },
    "1 is below the LSP's limit of 2",
  ],
  [
    'minFundingConfirmsWithinBlocks',
    'FUNDING_CONFIRMATION',
    { fundingConfirmsWithinBlocks: 6 },
    { fundingConfirmsWithinBlocks: 5 },
    "5 is below the LSP's limit of 6",
  ],
])('%s binds from the first number beyond it, and is named', (name, limit, within, beyond, message) => {
  expect(broken(within)).toBeNull()
  const found = broken(beyond)
  expect(found).toMatchObject({
    limit: { limit, [name.startsWith('min') ? 'minimum' : 'maximum']: String(LIMITS[name]) },
    message,
  })
  expect(message.startsWith(`${found?.limit.requested} `)).toBe(true)
})

test('of several limits that are broken the first is named', () => {
  expect(broken({ lspBalanceSat: sat(1), channelExpiryBlocks: 99_999 })?.limit.limit).toBe('LSP_BALANCE')
})

test('a limit that the LSP does not state breaks nothing', () => {
  expect(
    broken(
      {
        lspBalanceSat: sat(1),
        clientBalanceSat: sat(0),
        channelExpiryBlocks: 0x7fff_ffff,
        requiredChannelConfirmations: 0,
        fundingConfirmsWithinBlocks: 1,
      },
      NO_LIMITS,
    ),
  ).toBeNull()
})

test('a limit of zero is a limit', () => {
  expect(broken({}, { ...NO_LIMITS, maxClientBalanceSat: sat(0) })?.limit.limit).toBe('CLIENT_BALANCE')
  expect(broken({ clientBalanceSat: sat(0) }, { ...NO_LIMITS, maxClientBalanceSat: sat(0) })).toBeNull()
})

// bLIP-51 §2: both fields may be greater than the LSP's minimum.
test.each([
  { announceChannel: false, confirmations: 0, blocks: 1, sent: [1, 6] },
  { announceChannel: false, confirmations: 1, blocks: 6, sent: [1, 6] },
  { announceChannel: false, confirmations: 3, blocks: 144, sent: [3, 144] },
  { announceChannel: true, confirmations: 0, blocks: 0, sent: [6, 6] },
  { announceChannel: true, confirmations: 6, blocks: 7, sent: [6, 7] },
  { announceChannel: true, confirmations: 10, blocks: 6, sent: [10, 6] },
  { announceChannel: false, confirmations: null, blocks: null, sent: [1, 6] },
  { announceChannel: true, confirmations: null, blocks: null, sent: [6, 6] },
])(
  'with announceChannel $announceChannel and the minimums $confirmations and $blocks, the defaults are $sent',
  ({ announceChannel, confirmations, blocks, sent }) => {
    const open = { announceChannel, requiredChannelConfirmations: null, fundingConfirmsWithinBlocks: null }
    const limits = {
      ...NO_LIMITS,
      minRequiredChannelConfirmations: confirmations,
      minFundingConfirmsWithinBlocks: blocks,
    }
    const [requiredChannelConfirmations, fundingConfirmsWithinBlocks] = sent
    const complete = withDefaults(channelRequest(open), limits)
    expect(complete).toMatchObject({ requiredChannelConfirmations, fundingConfirmsWithinBlocks })
    expect(brokenLimit(complete, limits)).toBeNull()
  },
)

test('a value of the client is not replaced by a default, and breaks the limit if it is below it', () => {
  const asked = { requiredChannelConfirmations: 0, fundingConfirmsWithinBlocks: 100 }
  expect(withDefaults(channelRequest(asked), LIMITS)).toMatchObject(asked)
  expect(broken(asked)).toMatchObject({ field: 'requiredChannelConfirmations' })
})

test('a count beyond what the schema holds binds nobody differently at the largest that it holds', () => {
  expect(bindingLimits({ ...LIMITS, maxChannelExpiryBlocks: 0xffff_ffff })).toEqual({
    ...LIMITS,
    maxChannelExpiryBlocks: 0x7fff_ffff,
  })
  expect(bindingLimits(LIMITS)).toEqual(LIMITS)
  expect(bindingLimits(NO_LIMITS)).toEqual(NO_LIMITS)
})

test('weeks are rounded up, so that nobody gets a shorter lease than was asked for', () => {
  expect([1, 1_007, 1_008, 1_009, 12_960, 13_104, 52_416].map(weeksOfBlocks)).toEqual([1, 1, 1, 2, 13, 13, 52])
  for (let blocks = 1; blocks < 60_000; blocks += 37) {
    expect(weeksOfBlocks(blocks) * 1_008).toBeGreaterThanOrEqual(blocks)
    expect((weeksOfBlocks(blocks) - 1) * 1_008).toBeLessThan(blocks)
  }
})
