const IMPORT_REFUSALS = [
  'UNREADABLE',
  'UNKNOWN_VERSION',
  'CONTRADICTORY',
  'OTHER_NODE',
  'UNKNOWN_LSP',
  'NOT_YOURS',
  'ACCESS_TOKEN_MISSING',
  'SEALED',
  'TOO_MANY',
] as const
export type ImportRefusalCode = (typeof IMPORT_REFUSALS)[number]

/** The document is not imported. The client reads the message. */
export class ImportRefusal extends Error {
  override name = 'ImportRefusal'
  readonly code: ImportRefusalCode

  constructor(code: ImportRefusalCode, message: string) {
    super(message)
    this.code = code
  }
}
