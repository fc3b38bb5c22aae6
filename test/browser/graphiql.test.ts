import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { chromium, type BrowserContext, type Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'

// UPDATE_SCREENSHOT=1 npx vitest run test/browser takes the picture in the README anew.
const SCREENSHOT = fileURLToPath(new URL('../../docs/graphiql.png', import.meta.url))
const NARROW_SCREENSHOT = fileURLToPath(new URL('../../docs/graphiql-narrow.png', import.meta.url))
const CHROMIUM = [process.env['CHROMIUM_PATH'], '/usr/bin/chromium', '/usr/bin/chromium-browser'].find(
  (path) => path && existsSync(path),
)
const isCi = process.env['CI'] === 'true'

vi.setConfig({ testTimeout: 60_000 })

/** Laid out for 1750 × 1125 and drawn on 1400 × 900, so that five quotes are seen at once. */
const VIEWPORT = { width: 1750, height: 1125 }
const SCALE = 0.8

describe('GraphiQL in a browser that reaches nothing but the gateway', () => {
  let gateway: TestGateway
  let folder: string
  let context: BrowserContext
  let page: Page
  /** The gateways. */
  const origins = new Set<string>()
  /** Everything that the page asked for, or connected to. */
  const asked: URL[] = []
  const complaints: string[] = []

  beforeAll(async () => {
    if (!CHROMIUM) return
    gateway = await startTestGateway()
    folder = await mkdtemp(join(tmpdir(), 'sluice-chromium-'))
    context = await chromium.launchPersistentContext(folder, {
      executablePath: CHROMIUM,
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
        // Even what no page asks for finds nobody.
        '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
      ],
      viewport: VIEWPORT,
      deviceScaleFactor: SCALE,
      serviceWorkers: 'block',
      permissions: ['clipboard-write', 'clipboard-read'],
    })
    origins.add(gateway.origin)
    await context.route('**/*', (route) =>
      origins.has(new URL(route.request().url()).origin) ? route.continue() : route.abort(),
    )
    context.on('request', (request) => asked.push(new URL(request.url())))
    page = context.pages()[0] ?? (await context.newPage())
    page.on('websocket', (socket) => asked.push(new URL(socket.url())))
    page.on('pageerror', (error) => complaints.push(error.message))
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()))
    await page.goto(`${gateway.origin}/graphql`)
    await page.waitForSelector('.graphiql-query-editor .view-line')
  }, 60_000)

  afterAll(async () => {
    if (!CHROMIUM) return
    await context.close()
    await rm(folder, { recursive: true, force: true })
    await gateway[Symbol.asyncDispose]()
  })

  beforeEach(({ skip }) => {
    if (CHROMIUM) return
    const reason = 'no Chromium: set CHROMIUM_PATH, or install it (Debian: apt-get install chromium)'
    if (isCi) throw new Error(reason)
    skip(reason)
  })

  const tabs = () => page.locator('.graphiql-tab-button').allInnerTexts()
  const activeTab = () => page.locator('.graphiql-tab-active .graphiql-tab-button').innerText()
  /** Editors have their spaces unbreakable, and hold the lines in sight. */
  const plain = (text: string) => text.replaceAll('\u00a0', ' ')
  const result = async () => plain(await page.locator('.result-window').innerText())
  const query = async () => plain(await page.locator('.graphiql-query-editor').innerText())
  const variables = async () => plain(await page.locator('.graphiql-editor-tool:visible').first().innerText())
  const run = () => page.locator('.graphiql-execute-button').click()

  /** `expect` for what is to be seen in a moment. */
  function eventually<T>(value: () => Promise<T>) {
    return expect.poll(value, { timeout: 20_000 })
  }

  /** The tab that GraphiQL would open after a reload: it keeps that half a second after the last change. */
  const keptTab = () =>
    page.evaluate(() => {
      const kept = JSON.parse(
        (globalThis as unknown as { localStorage: Record<string, string> }).localStorage['graphiql:tabState'] ?? 'null',
      ) as {
        tabs: { title: string; variables: string | null }[]
        activeTabIndex: number
      } | null
      return kept?.tabs[kept.activeTabIndex]
    })

  async function open(tab: string, shows: string): Promise<void> {
    await page.locator('.graphiql-tab-button', { hasText: tab }).click()
    expect(await activeTab()).toBe(tab)
    await eventually(query).toContain(shows)
    // Only then does it know which operation to run.
    await eventually(async () => (await keptTab())?.title).toBe(tab)
  }

  /** As a person would: into the editor, everything marked, and another text pasted. */
  async function fillIn(values: Record<string, unknown>): Promise<void> {
    const text = await paste(values)
    await eventually(async () => (await keptTab())?.variables).toBe(text)
  }

  async function paste(values: Record<string, unknown>): Promise<string> {
    const text = JSON.stringify(values, null, 2)
    await page.evaluate(
      (copied) =>
        (
          globalThis as unknown as { navigator: { clipboard: { writeText(text: string): Promise<void> } } }
        ).navigator.clipboard.writeText(copied),
      text,
    )
    await page.locator('.graphiql-editor-tool .monaco-editor:visible').first().click()
    await page.keyboard.press('Control+A')
    await page.keyboard.press('Control+V')
    return text
  }

  const found = async (pattern: RegExp) => {
    await eventually(result).toMatch(pattern)
    return pattern.exec(await result())?.[1] ?? ''
  }

  test('opens with a tab for each step, the first of them ready to run', async () => {
    expect(await page.title()).toBe('Sluice')
    expect(await tabs()).toEqual(['Compare', 'Order', 'Follow', 'Pay', 'Break'])
    expect(await activeTab()).toBe('Compare')
    await eventually(variables).toContain(gateway.sandbox.wallet.pubkey.slice(0, 20))
  })

  /** The answer that the page gets next. */
  const nextAnswer = async () => {
    const response = await page.waitForResponse(
      (each) => each.url().endsWith('/graphql') && each.request().method() === 'POST',
    )
    return (await response.json()) as { data: Record<string, never> }
  }

  test('compares all five LSPs, failures first', async () => {
    const answer = nextAnswer()
    await run()
    const { failures, quotes } = (await answer).data['quotes'] as unknown as {
      failures: unknown[]
      quotes: { lsp: { name: string }; feeTotalSat: number }[]
    }
    expect(failures).toEqual([])
    expect(quotes).toHaveLength(5)
    const fees = quotes.map(({ feeTotalSat }) => feeTotalSat)
    expect(fees).toEqual(fees.toSorted((a, b) => a - b))
    await eventually(result).toContain('"failures": []')
    await eventually(result).toContain(`"name": "${quotes[0]?.lsp.name}"`)
    if (process.env['UPDATE_SCREENSHOT']) {
      await eventually(() => page.locator('.scrollbar.visible').count()).toBe(0)
      await page.screenshot({ path: SCREENSHOT, animations: 'disabled' })
    }
  })

  test('on a phone shows the answer below the editors', async () => {
    const wide = page
    page = await context.newPage()
    await page.setViewportSize({ width: 390, height: 844 })
    await page.goto(`${gateway.origin}/graphql`)
    await page.waitForSelector('.graphiql-query-editor .view-line')
    await open('Compare', 'query Compare')
    await run()
    await eventually(result).toContain('"failures": []')
    const boxOf = async (name: string) =>
      (await page.locator(name).boundingBox()) ?? { x: 0, y: 0, width: 0, height: 0 }
    const [editors, response] = [await boxOf('.graphiql-editors'), await boxOf('.graphiql-response')]
    expect(response.y).toBeGreaterThanOrEqual(editors.y + editors.height)
    expect(response.width).toBeGreaterThan(300)
    expect(response.x + response.width).toBeLessThanOrEqual(390)
    if (process.env['UPDATE_SCREENSHOT']) await page.screenshot({ path: NARROW_SCREENSHOT, animations: 'disabled' })
    await page.close()
    page = wide
  })

  test('orders the best quote, pays it and follows it over WebSocket, without an id that is copied', async () => {
    await open('Order', 'mutation Order')
    await eventually(variables).toContain('"quoteId": "newest"')
    await run()
    await eventually(result).toContain('"__typename": "Order"')
    await eventually(result).toContain('"state": "AWAITING_PAYMENT"')
    const orderId = await found(/"id": "([0-9a-f]{8}-[0-9a-f-]{27})"/)

    await open('Pay', 'mutation Pay')
    await run()
    await eventually(result).toContain(`"id": "${orderId}"`)

    await open('Follow', 'subscription Follow')
    const socket = page.waitForEvent('websocket')
    const states: string[] = []
    void socket.then((opened) =>
      opened.on('framereceived', ({ payload }) => {
        const message = JSON.parse(String(payload)) as {
          type: string
          payload?: { data: { orderUpdated: { state: string } } }
        }
        if (message.type === 'next' && message.payload) states.push(message.payload.data.orderUpdated.state)
      }),
    )
    await run()
    expect((await socket).url()).toBe(`${gateway.origin.replace('http', 'ws')}/graphql`)
    await eventually(result).toContain('"state": "COMPLETED"')
    await eventually(result).toMatch(/"channel": \{\s+"state": "OPEN"/)
    expect(states[0]).toBe('AWAITING_PAYMENT')
    expect(states).toContain('COMPLETED')
  })

  test('shows what goes wrong at an LSP', async () => {
    await open('Break', 'mutation Break')
    await run()
    await eventually(result).toContain('"HANGING"')
    expect([...gateway.sandbox.lsp('olive').faults]).toEqual(['HANGING'])
    gateway.sandbox.lsp('olive').setFaults([])
  })

  test('opens its schema in the documentation and in the explorer', async () => {
    await open('Compare', 'query Compare')
    await page.getByLabel('Show Documentation Explorer').click()
    await eventually(() => page.locator('.graphiql-plugin').innerText()).toContain('Subscription')
    await page.getByLabel('Show GraphiQL Explorer').click()
    await eventually(() => page.locator('.graphiql-plugin').innerText()).toContain('annualRatePercent')
    await page.getByLabel('Hide GraphiQL Explorer').click()
    await page.getByLabel('Show GraphiQL Explorer').waitFor()
    expect(await activeTab()).toBe('Compare')
  })

  test('has the same tabs after a reload, and the one that was open with its variables', async () => {
    await open('Order', 'mutation Order')
    await fillIn({ quoteId: 'newest', idempotencyKey: 'browser' })
    await eventually(variables).toContain('browser')
    await page.reload()
    await eventually(query).toContain('mutation Order')
    expect(await tabs()).toEqual(['Compare', 'Order', 'Follow', 'Pay', 'Break'])
    expect(await activeTab()).toBe('Order')
    await eventually(variables).toContain('browser')
  })

  test('with a key in its headers, follows an order at a gateway that takes none without', async () => {
    const authorization = 'Bearer a-key'
    const keySha256 = createHash('sha256').update('a-key').digest('hex')
    await using keyed = await startTestGateway({
      sandbox: { only: ['olive'] },
      config: { clients: [{ name: 'wallet', keySha256 }] as never },
    })
    // oxlint-disable-next-line typescript/no-explicit-any -- tests read answers of any shape
    type AnyData = Record<string, any>
    const ask = async (text: string, values: Record<string, unknown>) =>
      (await keyed.send(text, values, { authorization })).data as AnyData
    const request = { clientPubkey: keyed.sandbox.wallet.pubkey, lspBalanceSat: 1_000_000 }
    const { quotes } = await ask(
      'query ($request: ChannelRequestInput!) { quotes(request: $request) { quotes { id } } }',
      {
        request,
      },
    )
    const { createOrder } = await ask(
      'mutation ($id: ID!) { createOrder(input: { quoteId: $id, idempotencyKey: "k" }) { ... on Order { id } } }',
      { id: quotes.quotes[0].id },
    )

    const before = page
    origins.add(keyed.origin)
    page = await context.newPage()
    page.on('websocket', (socket) => asked.push(new URL(socket.url())))
    await page.goto(`${keyed.origin}/graphql`)
    await eventually(query).toContain('This gateway needs an API key. Put it into Headers')
    await open('Follow', 'subscription Follow')
    await page.getByRole('button', { name: 'Variables' }).click()
    await fillIn({ orderId: createOrder.id, afterSequence: 0 })
    await page.getByRole('button', { name: 'Headers' }).click()
    await paste({ authorization })
    await eventually(variables).toContain(authorization)
    await run()
    await eventually(result).toContain('"state": "AWAITING_PAYMENT"')
    await ask('mutation ($id: ID!) { sandboxPay(id: $id) { state } }', { id: createOrder.id })
    await eventually(result).toContain('"state": "COMPLETED"')
    await page.close()
    page = before
    expect(asked.filter(({ protocol, host }) => protocol === 'ws:' && host === new URL(keyed.origin).host)).toEqual([])
  })

  test('has asked nobody but the gateway for anything, and nothing went wrong in it', () => {
    const elsewhere = asked.filter(
      ({ protocol, origin }) => !['data:', 'blob:'].includes(protocol) && !origins.has(origin.replace(/^ws/, 'http')),
    )
    expect(elsewhere.map(({ href }) => href)).toEqual([])
    expect(asked.filter(({ protocol }) => protocol === 'ws:').length).toBeGreaterThan(0)
    expect(complaints).toEqual([])
  })
})
