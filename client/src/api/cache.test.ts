import { buildSchema, isAbstractType, isUnionType } from 'graphql';
import { expect, it } from 'vitest';
import schemaText from '../../../schema/schema.graphql?raw';
import { POSSIBLE_TYPES } from './cache';

it('knows the possible types of every interface in the schema', () => {
  const schema = buildSchema(schemaText);
  const interfaces = Object.values(schema.getTypeMap()).filter(
    (type) => isAbstractType(type) && !isUnionType(type),
  );
  const possible = interfaces.map((type) => [
    type.name,
    schema.getPossibleTypes(type as never).map(({ name }) => name).sort(),
  ]);
  expect(Object.fromEntries(possible)).toEqual(POSSIBLE_TYPES);
});
