/**
 * Typed documents for the example client, from the committed schema: `npm run codegen`.
 *
 * The generator is installed with that client, not with the gateway, and runs in its directory: the paths below
 * start there. Its type, CodegenConfig, is not imported because the gateway's own type check has to do without it.
 */
export default {
  schema: '../../schema.graphql',
  documents: 'src/*.graphql',
  importExtension: '.ts',
  generates: {
    'src/gql/': {
      preset: 'client',
      presetConfig: { fragmentMasking: false },
      config: {
        documentMode: 'string',
        useTypeImports: true,
        enumsAsTypes: true,
        strictScalars: true,
        scalars: {
          ID: 'string',
          AssetAmount: 'string',
          DateTime: 'string',
          PublicKey: 'string',
          Sat: 'number',
          UInt64: 'string',
        },
      },
    },
  },
}
