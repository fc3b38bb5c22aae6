import { bech32 } from '@scure/base'
import { expect, test } from 'vitest'
import { lnurlChannelProblem } from '../../src/domain/lnurl.ts'
import type { Network } from '../../src/domain/lsp.ts'
import { sat } from '../../src/domain/money.ts'
import { verifyOpenables } from '../../src/domain/openable.ts'
import type { Channel, JitChannel } from '../../src/domain/order.ts'
import { fixture } from '../support/fixtures.ts'
import { LightningNode } from '../../src/sandbox/node.ts'

const node = new LightningNode('an opener', '127.0.0.1:9735')
const lnurl = (text: string, prefix = 'lnurl') =>
  bech32.encode(prefix, bech32.toWords(new TextEncoder().encode(text)), false)
const ONION = 'http://vww6ybal4bd7szmgncyruucpgfkqahzddi37ktceo3ah7ngmcopnpyyd.onion'

test.each<[string, string, Network]>([
  ['LUD-01 over https', lnurl('https://lsp.example/channel?k1=ab'), 'MAINNET'],
  ['LUD-01 in upper case', lnurl('https://lsp.example/channel').toUpperCase(), 'MAINNET'],
  ['LUD-01 behind lightning:', `lightning:${lnurl('https://lsp.example/channel')}`, 'MAINNET'],
  ['LUD-01 to an onion service', lnurl(`${ONION}/channel`), 'MAINNET'],
  ['LUD-17', 'lnurlc://lsp.example/channel?k1=ab', 'MAINNET'],
  ['LUD-17 to an onion service', `${ONION.replace('http', 'lnurlc')}/channel`, 'MAINNET'],
  ['the tag of LUD-02', lnurl('https://lsp.example/?tag=channelRequest'), 'MAINNET'],
  ['http on loopback, on regtest', lnurl('http://127.0.0.1:8080/lnurl/1'), 'REGTEST'],
  [
    'the example of draft 0.0.2',
    (fixture('lsps1-draft-0.0.2/lnurl_get.response.json') as { lnurl_channel: string }).lnurl_channel,
    'MAINNET',
  ],
])('%s is an LNURL that a wallet may open', (_what, text, network) => {
  expect(lnurlChannelProblem(text, network)).toBeNull()
})

const INVOICE = node.issueInvoice({ amountSat: 5, description: '', createdAt: 1, expiresAt: 9e12, network: 'bitcoin' })

test.each<[string, string, Network]>([
  ['an invoice', INVOICE.bolt11, 'MAINNET'],
  ['an invoice behind lightning:', `lightning:${INVOICE.bolt11}`, 'MAINNET'],
  ['a payment URI', 'bitcoin:bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4?amount=1', 'MAINNET'],
  ['a payment URI with an LNURL', `bitcoin:?lightning=${lnurl('https://lsp.example/')}`, 'MAINNET'],
  ['a script', 'javascript:alert(1)', 'MAINNET'],
  ['a script within', lnurl('javascript:alert(1)'), 'MAINNET'],
  ['a page', 'https://lsp.example/', 'MAINNET'],
  ['http to the clearnet', lnurl('http://lsp.example/'), 'MAINNET'],
  ['http to a name that only looks like an onion service', lnurl('http://abc.onion.example/'), 'MAINNET'],
  ['http to loopback on mainnet', lnurl('http://127.0.0.1/'), 'MAINNET'],
  ['http to the clearnet on regtest', lnurl('http://lsp.example/'), 'REGTEST'],
  ['an invoice within', lnurl(INVOICE.bolt11), 'MAINNET'],
  ['a URL with a password', lnurl('https://lsp.example:pw@evil.example/'), 'MAINNET'],
  ['the tag of a payment', lnurl('https://lsp.example/?tag=payRequest'), 'MAINNET'],
  ['the tag of a login', lnurl('https://lsp.example/?tag=login&k1=ab'), 'MAINNET'],
  ['two tags', lnurl('https://lsp.example/?tag=channelRequest&tag=withdrawRequest'), 'MAINNET'],
  ['LUD-17 for a payment', 'lnurlp://lsp.example/', 'MAINNET'],
  ['a wrong checksum', lnurl('https://lsp.example/').slice(0, -1), 'MAINNET'],
  ['mixed case', lnurl('https://lsp.example/').replace('lnurl1', 'LNURL1'), 'MAINNET'],
  ['another bech32 text', lnurl('https://lsp.example/', 'lnurlx'), 'MAINNET'],
  ['nothing', '', 'MAINNET'],
])('%s is not handed out as an LNURL', (_what, text, network) => {
  expect(lnurlChannelProblem(text, network)).not.toBeNull()
  const verified = verifyOpenables({ lnurlChannel: text, jit: null, channel: null }, { network, maximumSat: sat(1) })
  expect(verified).toMatchObject({ lnurlChannel: null, checks: [{ code: 'LNURL_CHANNEL', verdict: 'FAILED' }] })
})

const jitOf = (changes: Partial<JitChannel>): JitChannel => ({
  shortChannelId: '733904x1451x0',
  nodeId: node.pubkey,
  feePerPaymentSat: sat(50),
  ...changes,
})
const verifyJit = (changes: Partial<JitChannel>) =>
  verifyOpenables(
    { lnurlChannel: null, jit: jitOf(changes), channel: null },
    { network: 'REGTEST', maximumSat: sat(5_000) },
  )

test.each<Partial<JitChannel>>([
  {},
  { shortChannelId: '1:2:3' },
  { nodeId: null },
  { feePerPaymentSat: null },
  { feePerPaymentSat: sat(5_000) },
])('a route hint with %o is handed out, with a check', (changes) => {
  expect(verifyJit(changes)).toMatchObject({
    jit: jitOf(changes),
    checks: [{ code: 'JIT_CHANNEL', verdict: 'PASSED' }],
  })
})

test.each<Partial<JitChannel>>([
  { feePerPaymentSat: sat(5_001) },
  { feePerPaymentSat: sat(50_000_000) },
  { shortChannelId: '' },
  { shortChannelId: '1x2' },
  { shortChannelId: '1x2:3' },
  { shortChannelId: '16777216x0x0' },
  { shortChannelId: '1x2x65536' },
  { shortChannelId: 'javascript:1' },
  { nodeId: 'evil' },
  { nodeId: node.pubkey.replace(/^0./, '05') },
])('a route hint with %o is not handed out, and a check says so', (changes) => {
  expect(verifyJit(changes)).toMatchObject({ jit: null, checks: [{ code: 'JIT_CHANNEL', verdict: 'FAILED' }] })
})

const channelOf = (changes: Partial<Channel>): Channel => ({
  state: 'OPEN',
  channelId: null,
  shortChannelId: null,
  fundingOutpoint: null,
  fundedAt: null,
  expiresAt: null,
  closingTxid: null,
  ...changes,
})
const TXID = 'ab'.repeat(32)

test.each<Partial<Channel>>([
  { shortChannelId: '800000x1x0', fundingOutpoint: `${TXID}:0`, closingTxid: TXID },
  { fundingOutpoint: TXID },
  { fundingOutpoint: `${TXID.toUpperCase()}x1` },
])('a channel with %o is shown as it is', (changes) => {
  const context = { network: 'REGTEST', maximumSat: sat(1) } as const
  expect(verifyOpenables({ lnurlChannel: null, jit: null, channel: channelOf(changes) }, context)).toMatchObject({
    channel: changes,
    checks: [],
  })
})

test.each<Partial<Channel>>([
  { shortChannelId: 'soon' },
  { fundingOutpoint: 'ab:0' },
  { fundingOutpoint: `${TXID}:` },
  { fundingOutpoint: `${TXID}:-1` },
  { fundingOutpoint: `${TXID}:4294967296` },
  { fundingOutpoint: `${TXID}ab` },
  { closingTxid: `${TXID}:0` },
  { closingTxid: 'lnbc1' },
])('a channel with %o is shown without that id, and a check says so', (changes) => {
  const [name = ''] = Object.keys(changes)
  const { channel, checks } = verifyOpenables(
    { lnurlChannel: null, jit: null, channel: channelOf(changes) },
    { network: 'REGTEST', maximumSat: sat(1) },
  )
  expect(channel).toMatchObject({ state: 'OPEN', [name]: null })
  expect(checks).toMatchObject([{ code: 'CHANNEL_IDS', verdict: 'WARNING', message: expect.stringContaining(name) }])
})
