import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { errorsPage, messagesPage } from './printed.ts'
import { CLOSE_CODES, ERRORS } from '../../src/errors.ts'

const ROOT = join(import.meta.dirname, '../..')

test.each([
  ['docs/messages.md', messagesPage],
  ['docs/errors.md', errorsPage],
])('%s is what the code says; UPDATE_DOCS=1 npx vitest run test/docs rewrites it', async (path, page) => {
  const file = join(ROOT, path)
  if (process.env['UPDATE_DOCS']) await writeFile(file, page())
  expect(await readFile(file, 'utf8')).toBe(page())
})

/** The files of src, without those of the catalogue. */
async function sources(): Promise<{ path: string; text: string }[]> {
  const names = await readdir(join(ROOT, 'src'), { recursive: true })
  const files = names.filter((name) => name.endsWith('.ts') && name !== 'errors.ts').map((name) => join('src', name))
  return Promise.all(files.map(async (path) => ({ path, text: await readFile(join(ROOT, path), 'utf8') })))
}

test('no code of an error is written outside the catalogue', async () => {
  const own = /extensions: \{ code: |\.close\(\s*\d{4}/
  expect((await sources()).filter(({ text }) => own.test(text)).map(({ path }) => path)).toEqual([])
})

test('every code of the catalogue is used', async () => {
  const text = (await sources()).map((file) => file.text).join('\n')
  // Yoga gives these itself.
  const ofYoga = /^(GRAPHQL_\w+|OPERATION_RESOLUTION_FAILURE|INTERNAL_SERVER_ERROR)$/
  const codes = Object.keys(ERRORS).filter((code) => !ofYoga.test(code))
  expect(codes.filter((code) => !text.includes(`'${code}'`))).toEqual([])
})

test('every close code is one number', () => {
  const codes = Object.values(CLOSE_CODES).map(({ code }) => code)
  expect(new Set(codes).size).toBe(codes.length)
})
