/** GraphiQL with the bar that says who this window is signed in as. */
import '@graphiql/react/style.css';
import '@graphiql/plugin-doc-explorer/style.css';
import '@graphiql/plugin-history/style.css';
import 'graphiql/graphiql.css';
import './playground.css';
import './workers.js';
import { GraphiQL } from 'graphiql';
import { createRoot } from 'react-dom/client';
import { fetcher } from './api.js';
import { openExamples, storage } from './examples.js';
import { SessionBar } from './session-bar.jsx';

await openExamples();

createRoot(document.getElementById('playground')).render(
  <>
    <SessionBar />
    <main>
      <GraphiQL
        fetcher={fetcher}
        storage={storage}
        shouldPersistHeaders
        showPersistHeadersSettings={false}
        defaultEditorToolsVisibility="variables"
        inputValueDeprecation
        schemaDescription
      >
        <GraphiQL.Logo>{null}</GraphiQL.Logo>
      </GraphiQL>
    </main>
  </>,
);
