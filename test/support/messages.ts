/** The messages alone, for tests that are about the words. */
export const messagesOf = (parts: readonly { message: string }[]): string[] => parts.map(({ message }) => message)

/** The numbers of a check's message that neither `expected` nor `actual` has. */
export function uncarriedNumbers(checks: readonly { message: string; expected?: string; actual?: string }[]): string[] {
  return checks.flatMap(({ message, expected = '', actual = '' }) =>
    (message.replaceAll(/bolt ?1[12]/gi, '').match(/\d[\d.:-]*\d|\d/g) ?? []).filter(
      (number) => !`${expected} ${actual}`.includes(number),
    ),
  )
}
