import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { chromium, type Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Build, freePort, kill, orderAtOlive, SANDBOX_PAY } from '../server/program.ts'

const EXAMPLE = new URL('../../examples/clients/eventsource.html', import.meta.url)
const CHROMIUM = [process.env['CHROMIUM_PATH'], '/usr/bin/chromium', '/usr/bin/chromium-browser'].find(
  (path) => path && existsSync(path),
)

let build: Build
let browser: Browser
beforeAll(async () => {
  build = await Build.make()
  if (CHROMIUM) browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-gpu'] })
}, 60_000)
afterAll(async () => {
  await browser?.close()
  await build[Symbol.asyncDispose]()
})

test.skipIf(!CHROMIUM && process.env['CI'] !== 'true')(
  'the page with an EventSource follows an order over two kill -9 without gap or repeat, and stops by itself',
  async () => {
    const folder = await build.folder()
    const env = { PORT: String(await freePort()) }
    const first = build.start(folder, { env })
    const origin = await first.origin()
    const id = await orderAtOlive(first)

    const page = await browser.newPage()
    const html = await readFile(EXAMPLE, 'utf8')
    await page.route(`${origin}/example*`, (route) => route.fulfill({ contentType: 'text/html', body: html }))
    await page.goto(`${origin}/example?${new URLSearchParams({ url: `${origin}/graphql`, id })}`)
    const shown = () => page.locator('#events li').allInnerTexts()
    const status = () => page.locator('#status').innerText()
    await expect.poll(shown, { timeout: 60_000 }).toHaveLength(1)
    await kill(first)
    const second = build.start(folder, { env })
    await second.origin()
    await second.ask(SANDBOX_PAY, { id })
    await expect.poll(async () => (await shown()).length, { timeout: 60_000 }).toBeGreaterThan(1)
    await kill(second)
    const third = build.start(folder, { env })
    await third.origin()
    await expect.poll(status, { timeout: 60_000 }).toBe('done')
    const texts = await shown()
    expect(texts.map((text) => Number.parseInt(text, 10))).toEqual(texts.map((_, index) => index + 1))
    expect(texts.at(-1)).toContain('COMPLETED')
    await kill(third)
  },
  180_000,
)
