import { z } from 'zod'
import { SECOND_MS, type EpochMs } from '../domain/time.ts'

// Times in every spelling that LSPs use:
//
// - RFC 3339 and ISO 8601: a space instead of T, lower case, any number of decimals, an offset with or without a
//   colon, " UTC", or no zone, which means UTC;
// - the three HTTP dates (RFC 9110, 5.6.7);
// - seconds or milliseconds since 1970, as a number or as text.
//
// A time before the first block (2009-01-03) means "not set": year 1, 0000-00-00, 1970-01-01 and 0 are the zero values
// of common languages and databases. A time from 2100 on is none that an LSP can mean.

export const FIRST_TIME: EpochMs = Date.UTC(2009, 0, 3)
export const END_OF_TIMES: EpochMs = Date.UTC(2100, 0, 1)

/** Numbers below are seconds (up to the year 5138), numbers from here on are milliseconds (from 1973 on). */
const FIRST_MILLISECONDS = 100_000_000_000

/** An instant; null if the LSP states that there is none. */
export const timeField: z.ZodType<EpochMs | null> = z.unknown().transform((value, context): EpochMs | null => {
  const time = parseTime(value)
  if (time === null) {
    context.addIssue({ code: 'custom', message: 'not a time' })
    return z.NEVER
  }
  return time >= FIRST_TIME && time < END_OF_TIMES ? time : null
})

/** null if it is no time; -Infinity for a zero value that is no date. */
function parseTime(value: unknown): EpochMs | null {
  if (typeof value === 'bigint') return timeOfNumber(Number(value))
  if (typeof value === 'number') return Number.isNaN(value) ? null : timeOfNumber(value)
  if (typeof value !== 'string' || value.length > 100) return null
  const text = value.trim()
  if (/^-?\d{1,20}(\.\d+)?$/.test(text)) return timeOfNumber(Number(text))
  return timeOfIso(text) ?? timeOfHttpDate(text)
}

function timeOfNumber(value: number): EpochMs {
  return Math.round(Math.abs(value) < FIRST_MILLISECONDS ? value * SECOND_MS : value)
}

const ISO =
  /^(\d{4})-(\d\d)-(\d\d)[t _](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,30}))?)?(?: ?(?:(z|utc|gmt)|([+-])(\d\d)(?::?(\d\d))?(?: (?:utc|gmt|[+-]\d{4}))?)(?:\[[\w/+-]{1,40}\])?)?$/i

function timeOfIso(text: string): EpochMs | null {
  const match = ISO.exec(text)
  if (!match) return null
  const [
    ,
    year,
    month,
    day,
    hour,
    minute,
    second = '0',
    decimals = '',
    ,
    sign,
    offsetHours = '0',
    offsetMinutes = '0',
  ] = match
  if (Number(year) <= 1) return Number.NEGATIVE_INFINITY
  const milliseconds = Number(decimals.padEnd(3, '0').slice(0, 3))
  const time = instantOf(Number(year), Number(month), Number(day), Number(hour), Number(minute), Number(second))
  if (time === null || Number(offsetHours) > 23 || Number(offsetMinutes) > 59) return null
  const offset = (Number(offsetHours) * 60 + Number(offsetMinutes)) * 60 * SECOND_MS
  return time + milliseconds - (sign === '-' ? -offset : offset)
}

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
/** Mon, 30 Nov 2026 00:53:20 GMT, and Monday, 30-Nov-26 00:53:20 GMT */
const DAY_FIRST =
  /^(?:[a-z]{3,9}, ?)?(\d{1,2})[ -]([a-z]{3})[ -](\d{4}|\d{2}) (\d\d):(\d\d):(\d\d) (?:gmt|utc|z|[+-]0000)$/i
/** Mon Nov 30 00:53:20 2026 */
const MONTH_FIRST = /^[a-z]{3} ([a-z]{3}) {1,2}(\d{1,2}) (\d\d):(\d\d):(\d\d) (\d{4})$/i

function timeOfHttpDate(text: string): EpochMs | null {
  const dayFirst = DAY_FIRST.exec(text)
  const monthFirst = dayFirst ? null : MONTH_FIRST.exec(text)
  const [day, month, year, hour, minute, second] = dayFirst
    ? dayFirst.slice(1)
    : [monthFirst?.[2], monthFirst?.[1], monthFirst?.[6], ...(monthFirst?.slice(3, 6) ?? [])]
  if (day === undefined || month === undefined || year === undefined) return null
  return instantOf(
    Number(year.length === 2 ? `20${year}` : year),
    MONTHS.indexOf(month.toLowerCase()) + 1,
    Number(day),
    Number(hour),
    Number(minute),
    Number(second),
  )
}

/** null for a date that no calendar has. A leap second is the second after it. */
function instantOf(
  year: number,
  month: number,
  day: number,
  hour: number,
  minute: number,
  second: number,
): EpochMs | null {
  const date = new Date(Date.UTC(year, month - 1, day))
  const isDate = date.getUTCFullYear() === year && date.getUTCMonth() === month - 1 && date.getUTCDate() === day
  if (!isDate || hour > 23 || minute > 59 || second > 60) return null
  return date.getTime() + ((hour * 60 + minute) * 60 + second) * SECOND_MS
}
