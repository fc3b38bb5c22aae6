import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'

const CHROMIUM = [process.env['CHROMIUM_PATH'], '/usr/bin/chromium', '/usr/bin/chromium-browser'].find(
  (path) => path && existsSync(path),
)
const isCi = process.env['CI'] === 'true'

vi.setConfig({ testTimeout: 60_000 })

const KEY = 'secret-key-of-alice'
const HEADERS = JSON.stringify({ authorization: `Bearer ${KEY}` })
const MUTATION = 'mutation FromALink { sandboxSetFaults(lspId: "olive", faults: [HANGING]) { faults } }'

interface Storages {
  localStorage: object
  sessionStorage: object
  indexedDB: { databases(): Promise<unknown[]> }
  document: { cookie: string }
  location: object
}

describe('GraphiQL stores no key', () => {
  let gateway: TestGateway
  let browser: Browser
  let context: BrowserContext
  let page: Page
  /** The authorization header of each GraphQL request of the page; null: it had none. */
  const authorizations: (string | null)[] = []
  const bodies: string[] = []

  beforeAll(async () => {
    if (!CHROMIUM) return
    const keySha256 = createHash('sha256').update(KEY).digest('hex')
    gateway = await startTestGateway({
      sandbox: { only: ['olive'] },
      config: { clients: [{ name: 'alice', keySha256 }] as never },
    })
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-gpu'] })
  }, 60_000)

  afterAll(async () => {
    await browser?.close()
    await gateway?.[Symbol.asyncDispose]()
  })

  beforeEach(async ({ skip }) => {
    if (!CHROMIUM) {
      const reason = 'no Chromium: set CHROMIUM_PATH, or install it (Debian: apt-get install chromium)'
      if (isCi) throw new Error(reason)
      skip(reason)
    }
    context = await browser.newContext({ permissions: ['clipboard-write', 'clipboard-read'] })
    page = await context.newPage()
    authorizations.length = 0
    context.on('request', (request) => {
      if (request.method() !== 'POST') return
      authorizations.push(request.headers()['authorization'] ?? null)
      bodies.push(request.postData() ?? '')
    })
    return () => context.close()
  })

  function eventually<T>(value: () => Promise<T> | T) {
    return expect.poll(value, { timeout: 20_000 })
  }
  const result = async () => (await page.locator('.result-window').innerText()).replaceAll('\u00a0', ' ')
  const query = async () => (await page.locator('.graphiql-query-editor').innerText()).replaceAll('\u00a0', ' ')
  const run = () => page.locator('.graphiql-execute-button').click()
  const open = async (search = '') => {
    await page.goto(`${gateway.origin}/graphql${search}`)
    await page.waitForSelector('.graphiql-query-editor .view-line')
  }

  /** All that the page can read again after a reload, as one text. */
  const stored = () =>
    page.evaluate(async () => {
      const { localStorage, sessionStorage, document, indexedDB, location } = globalThis as unknown as Storages
      const databases = await indexedDB.databases()
      return JSON.stringify([{ ...localStorage }, { ...sessionStorage }, databases, document.cookie, location])
    })

  async function typeKey(): Promise<void> {
    await page.getByRole('button', { name: 'Headers' }).click()
    await page.evaluate(
      (text) =>
        (
          globalThis as unknown as { navigator: { clipboard: { writeText(text: string): Promise<void> } } }
        ).navigator.clipboard.writeText(text),
      HEADERS,
    )
    await page.locator('.graphiql-editor-tool .monaco-editor:visible').first().click()
    await page.keyboard.press('Control+A')
    await page.keyboard.press('Control+V')
    await eventually(() => page.locator('.graphiql-editor-tool:visible').first().innerText()).toContain(KEY)
  }

  /** The page stores its tabs half a second after the last change. */
  async function changeQuery(): Promise<void> {
    await page.locator('.graphiql-query-editor .monaco-editor').first().click()
    await page.keyboard.press('Control+End')
    await page.keyboard.type('# changed')
    await eventually(stored).toContain('# changed')
  }

  test('a key that is typed into the headers is sent, and is gone after a reload', async () => {
    await open()
    await typeKey()
    await run()
    await eventually(result).toContain('olive')
    expect(authorizations).toContain(`Bearer ${KEY}`)
    await changeQuery()
    expect(await stored()).not.toContain(KEY)

    await page.reload()
    await page.waitForSelector('.graphiql-query-editor .view-line')
    expect(await stored()).not.toContain(KEY)
    authorizations.length = 0
    await run()
    await eventually(result).toContain('UNAUTHENTICATED')
    expect(new Set(authorizations)).toEqual(new Set([null]))
  })

  test.each([
    ['alone', `?query=${encodeURIComponent(MUTATION)}`],
    ['with headers', `?query=${encodeURIComponent(MUTATION)}&headers=${encodeURIComponent(HEADERS)}`],
    [
      'with all that GraphiQL has ever read',
      `?query=${encodeURIComponent(MUTATION)}&variables={}&operationName=FromALink&run=true&headers=${encodeURIComponent(HEADERS)}#headers=${encodeURIComponent(HEADERS)}`,
    ],
  ])(
    'a mutation from a link %s is shown, is not run, and runs without the key that was typed before',
    async (_, link) => {
      await open()
      await typeKey()
      await run()
      await eventually(result).toContain('olive')
      await changeQuery()

      authorizations.length = 0
      bodies.length = 0
      await open(link)
      await eventually(query).toContain('mutation FromALink')
      // The page asks for the schema by itself, and for nothing else.
      await eventually(result).toContain('UNAUTHENTICATED')
      expect(bodies.filter((body) => body.includes('FromALink'))).toEqual([])
      await run()
      await eventually(() => bodies.filter((body) => body.includes('FromALink')).length).toBe(1)
      expect(new Set(authorizations)).toEqual(new Set([null]))
      expect([...gateway.sandbox.lsp('olive').faults]).toEqual([])
    },
  )

  test('a key that an earlier version of the page stored is removed when the page opens', async () => {
    await open()
    await page.evaluate(
      ([headers, text]) => {
        const { localStorage } = globalThis as unknown as { localStorage: Record<string, string> }
        const tab = { id: '1', title: 'Old', query: text, variables: '', headers, operationName: null, response: null }
        const tabs = [{ ...tab, hash: `${text}||${headers}` }]
        localStorage['graphiql:headers'] = headers
        localStorage['graphiql:shouldPersistHeaders'] = 'true'
        localStorage['graphiql:tabState'] = JSON.stringify({ tabs, activeTabIndex: 0 })
        localStorage['graphiql:queries'] = JSON.stringify({ queries: [{ query: text, headers }] })
        localStorage['graphiql:favorites'] = `{"favorites": [${headers}`
      },
      [HEADERS, '{ lsps { id } } # old'] as const,
    )
    expect(await stored()).toContain(KEY)
    authorizations.length = 0
    await open()
    await eventually(query).toContain('# old')
    expect(await stored()).not.toContain(KEY)
    await run()
    await eventually(result).toContain('UNAUTHENTICATED')
    expect(new Set(authorizations)).toEqual(new Set([null]))
    await changeQuery()
    expect(await stored()).not.toContain(KEY)
  })
})
