import { expect, test } from 'vitest'
import { compare, failureOf, quoteOf, settingsOf } from './support.ts'
import { startTestGateway } from '../support/gateway.ts'
import { startSandbox } from '../../src/sandbox/index.ts'

const MINUTE_MS = 60_000

test.each([['olive'], ['kestrel'], ['thunder'], ['anchor'], ['beacon']])(
  '%s is RATE_LIMITED with the moment it named, and not asked again before',
  async (id) => {
    await using gateway = await startTestGateway({ sandbox: { only: [id] } })
    const lsp = gateway.sandbox.lsp(id)
    await compare(gateway, { firm: 'NEVER' })
    lsp.setFaults(['RATE_LIMITED'])

    const before = Date.now()
    const failure = await failureOf(gateway, id, { firm: 'ALWAYS', request: { lspBalanceSat: 2_000_000 } })
    expect(failure.code).toBe('RATE_LIMITED')
    expect(Date.parse(failure.retryAt ?? '')).toBeGreaterThanOrEqual(before + MINUTE_MS)
    expect(Date.parse(failure.retryAt ?? '')).toBeLessThanOrEqual(Date.now() + MINUTE_MS)

    lsp.setFaults([])
    const asked = lsp.requests.length
    for (const firm of ['ALWAYS', 'WHEN_NEEDED', 'NEVER']) {
      const later = await failureOf(gateway, id, { firm, request: { lspBalanceSat: 3_000_000 } })
      expect(later).toMatchObject({ code: 'RATE_LIMITED', retryAt: failure.retryAt })
    }
    expect(lsp.requests).toHaveLength(asked)
  },
)

test('while an LSP is left alone, its standing orders and the prices it told before still answer', async () => {
  await using gateway = await startTestGateway({ sandbox: { only: ['olive'] } })
  const olive = gateway.sandbox.lsp('olive')
  const firm = await quoteOf(gateway, 'olive')
  olive.setFaults(['RATE_LIMITED'])
  expect((await failureOf(gateway, 'olive', { request: { lspBalanceSat: 2_000_000 } })).code).toBe('RATE_LIMITED')
  const asked = olive.requests.length
  expect(await quoteOf(gateway, 'olive')).toEqual(firm)
  expect(await quoteOf(gateway, 'olive', { request: { clientAddress: null } })).toMatchObject({
    basis: 'OBSERVED',
    feeTotalSat: firm.feeTotalSat,
    observedAt: firm.createdAt,
  })
  expect(olive.requests).toHaveLength(asked)
})

test('an LSP that limits requests from the first one on is asked once', async () => {
  await using sandbox = await startSandbox({ only: ['olive'] })
  const olive = sandbox.lsp('olive')
  olive.setFaults(['RATE_LIMITED'])
  await using gateway = await startTestGateway({ sandbox: { only: [] }, config: { lsps: [settingsOf(olive)] } })
  for (let times = 0; times < 5; times += 1)
    expect(await failureOf(gateway, 'olive')).toMatchObject({ code: 'RATE_LIMITED', retryAt: expect.any(String) })
  expect(olive.requests.map(({ path }) => path)).toEqual(['/get_info'])
})

test('one LSP that limits requests costs the others nothing', async () => {
  await using gateway = await startTestGateway()
  await compare(gateway, { firm: 'NEVER' })
  gateway.sandbox.lsp('olive').setFaults(['RATE_LIMITED'])
  const { quotes, failures } = await compare(gateway, { request: { lspBalanceSat: 2_000_000 } })
  expect(quotes).toHaveLength(4)
  expect(failures.map(({ lsp, code }) => [lsp.id, code])).toEqual([['olive', 'RATE_LIMITED']])
})
