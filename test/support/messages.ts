/** The messages alone, for tests that are about the words. */
export const messagesOf = (parts: readonly { message: string }[]): string[] => parts.map(({ message }) => message)
