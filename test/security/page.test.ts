import { existsSync } from 'node:fs'
import { chromium } from 'playwright-core'
import { expect, test } from 'vitest'
import { startTestGateway } from '../support/gateway.ts'

const CHROMIUM = process.env['CHROMIUM'] ?? '/usr/bin/chromium'

test.skipIf(!existsSync(CHROMIUM))(
  'GraphiQL works under its policy: no script but its own, no other host, no violation',
  { timeout: 60_000 },
  async () => {
    await using gateway = await startTestGateway({ sandbox: { only: ['olive'] } })
    const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] })
    try {
      const page = await browser.newPage()
      const violations: string[] = []
      const hosts = new Set<string>()
      page.on('console', (message) => {
        if (/content security policy/i.test(message.text())) violations.push(message.text())
      })
      page.on('request', (request) => {
        const { protocol, host } = new URL(request.url())
        if (protocol.startsWith('http')) hosts.add(host)
      })
      const response = await page.goto(`${gateway.origin}/graphql`)
      const policy = response?.headers()['content-security-policy'] ?? ''
      expect(policy).toMatch(/script-src 'sha256-[^;]+(;|$)/)
      expect(policy).not.toMatch(/script-src[^;]*unsafe/)

      await page.locator('.graphiql-execute-button').click()
      await expect.poll(() => page.locator('.result-window').innerText(), { timeout: 20_000 }).toContain('olive')
      expect(violations).toEqual([])
      // An injected script is refused: the policy is in force, not merely sent.
      expect(
        await page.evaluate(
          "(() => { const script = document.createElement('script'); script.textContent = 'window.injected = true'; document.body.append(script); return window.injected === undefined })()",
        ),
      ).toBe(true)
      expect([...hosts]).toEqual([new URL(gateway.origin).host])
    } finally {
      await browser.close()
    }
  },
)
