import { randomUUID } from 'node:crypto'
import { readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { startSandbox } from '../../src/sandbox/index.ts'
import { aMoment, BLOCKS, get, place, PLACE, post, STEP_MS, until } from './support.ts'

const YEAR_BLOCKS = 52_560
const IDS = Object.keys(PLACE)

test('one LSP of each protocol starts, each on a port and with a node of its own', async () => {
  await using sandbox = await startSandbox()
  expect(sandbox.lsps.map(({ id }) => id)).toEqual(IDS)
  expect(new Set(sandbox.lsps.map(({ url }) => new URL(url).port)).size).toBe(5)
  expect(new Set(sandbox.lsps.map(({ protocol }) => protocol)).size).toBe(5)
  expect(new Set(sandbox.lsps.flatMap(({ nodeUris }) => nodeUris)).size).toBe(5)
})

test('nodes keep their ids when the sandbox is started again', async () => {
  await using first = await startSandbox({ only: ['olive'] })
  await using second = await startSandbox({ only: ['olive'] })
  expect(second.wallet.pubkey).toBe(first.wallet.pubkey)
  expect(second.lsp('olive').nodeUris).toEqual(first.lsp('olive').nodeUris)
})

test('only those that are named start, and a name that does not exist is an error', async () => {
  await using sandbox = await startSandbox({ only: ['beacon'] })
  expect(sandbox.lsps).toHaveLength(1)
  expect(() => sandbox.lsp('olive')).toThrow(/there are beacon/)
  await expect(startSandbox({ only: ['oliv'] })).rejects.toThrow(/no simulated LSP oliv/)
})

/** The ids by a figure of each, least first. */
const ranked = (figures: Record<string, number>) => IDS.toSorted((a, b) => (figures[a] ?? 0) - (figures[b] ?? 0))

test('for a million satoshis the cheapest by total and by year are ranked differently', async () => {
  await using sandbox = await startSandbox()
  const totals: Record<string, number> = {}
  for (const id of IDS) totals[id] = (await place(sandbox, id)).totalSat
  expect(totals).toEqual({ thunder: 2_515, kestrel: 4_107, olive: 5_200, anchor: 5_890, beacon: 7_208 })
  const blocks: Record<string, number> = { anchor: 13 * 1_008, beacon: 26 * 1_008 }
  const yearly = Object.fromEntries(IDS.map((id) => [id, ((totals[id] ?? 0) * YEAR_BLOCKS) / (blocks[id] ?? BLOCKS)]))
  expect(ranked(totals)).toEqual(['thunder', 'kestrel', 'olive', 'anchor', 'beacon'])
  expect(ranked(yearly)).toEqual(['thunder', 'beacon', 'kestrel', 'olive', 'anchor'])
})

test('for a small channel the order is another one', async () => {
  await using sandbox = await startSandbox()
  const small = { lsp_balance_sat: 200_000, channel_expiry_blocks: BLOCKS }
  const totals = {
    olive: Number(
      (
        await post(sandbox.lsp('olive'), '/create_order', {
          ...small,
          lsp_balance_sat: '200000',
          public_key: sandbox.wallet.pubkey,
          client_balance_sat: '0',
          required_channel_confirmations: 0,
          funding_confirms_within_blocks: 6,
          announce_channel: false,
        })
      ).at('payment.bolt11.fee_total_sat'),
    ),
    kestrel: Number(
      (await post(sandbox.lsp('kestrel'), '/estimate_fees', { ...small, client_balance_sat: 0 })).at('total_fee'),
    ),
    thunder: Number(
      (await post(sandbox.lsp('thunder'), '/create_order', { ...small, public_key: sandbox.wallet.pubkey })).at(
        'payment.ln.fee',
      ),
    ),
    anchor: Number(
      (
        await post(sandbox.lsp('anchor'), '/lsp/channel', {
          node_connection_info: sandbox.wallet.uri,
          remote_balance: 200_000,
          channel_expiry: 13,
        })
      ).at('fee_total'),
    ),
    beacon: Number(
      (await post(sandbox.lsp('beacon'), '/lsp/channels', { remote_balance: 200_000, channel_expiry: 13 })).at(
        'fee_total',
      ),
    ),
  }
  expect(ranked(totals)).toEqual(['olive', 'anchor', 'kestrel', 'beacon', 'thunder'])
})

test('close leaves nothing listening, even while requests hang or wait', async () => {
  const sandbox = await startSandbox({ only: ['olive', 'kestrel'], slowMs: 60_000 })
  const [olive, kestrel] = [sandbox.lsp('olive'), sandbox.lsp('kestrel')]
  olive.setFaults(['HANGING'])
  kestrel.setFaults(['SLOW'])
  const waiting = Promise.allSettled([get(olive, '/get_info', 10_000), get(kestrel, '/get_info', 10_000)])
  await expect.poll(() => olive.requests.length + kestrel.requests.length).toBe(2)
  await sandbox.close()
  expect((await waiting).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  await expect(get(olive, '/get_info')).rejects.toThrow(/fetch failed/)
  await sandbox.close()
})

test('orders, payments and holds outlive a restart in the state file', async () => {
  const stateFile = join(tmpdir(), `sluice-sandbox-${randomUUID()}`, 'state.json')
  const options = { only: ['olive', 'kestrel'], stepMs: STEP_MS, stateFile }
  try {
    const first = await startSandbox(options)
    const held = await place(first, 'olive')
    const payment = await first.wallet.payInvoice(held.invoice)
    const unpaid = await place(first, 'kestrel')
    await first.close()
    expect(JSON.parse(await readFile(stateFile, 'utf8'))).toMatchObject({ version: 1 })

    await using second = await startSandbox(options)
    expect(second.lsp('kestrel').orderCount).toBe(1)
    const read = () => get(second.lsp('olive'), `/get_order?order_id=${held.answer.text('order_id')}`)
    const done = await until(read, 'order_state', 'COMPLETED', aMoment)
    expect(done.at('payment.bolt11.state')).toBe('PAID')
    expect(second.wallet.payment(payment.paymentHash)).toMatchObject({ state: 'SUCCEEDED' })
    expect(await second.wallet.payInvoice(unpaid.invoice)).toMatchObject({ state: 'SUCCEEDED' })
  } finally {
    await rm(join(stateFile, '..'), { recursive: true, force: true })
  }
})

test('an LSP that is left out of a restart keeps its orders', async () => {
  const stateFile = join(tmpdir(), `sluice-sandbox-${randomUUID()}.json`)
  try {
    const first = await startSandbox({ only: ['olive', 'anchor'], stateFile })
    await place(first, 'anchor')
    await first.close()
    const second = await startSandbox({ only: ['olive'], stateFile })
    await place(second, 'olive')
    await second.close()
    await using third = await startSandbox({ stateFile })
    expect(third.lsp('anchor').orderCount).toBe(1)
    expect(third.lsp('olive').orderCount).toBe(1)
  } finally {
    await rm(stateFile, { force: true })
  }
})

test('invoiceExpiryMs replaces every protocol’s own time to pay', async () => {
  await using sandbox = await startSandbox({ only: ['anchor', 'thunder'], invoiceExpiryMs: 60 })
  const [anchor, thunder] = [await place(sandbox, 'anchor'), await place(sandbox, 'thunder')]
  await until(anchor.read, 'state', 'OFFER_EXPIRED', aMoment)
  await until(thunder.read, 'status', 'Expired', aMoment)
  expect((await thunder.read()).at('payment')).toMatchObject({
    ln: { status: 'Expired' },
    btc_onchain: { status: 'Expired' },
  })
})
