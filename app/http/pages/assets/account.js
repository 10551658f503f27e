// Verifies an email address, sets a new password or reports a sign-in with the token of the emailed link.
let token = '';

// Removed from the URL and stored in the history entry, so that it survives a reload.
function takeToken() {
  const inAddress = new URLSearchParams(location.hash.slice(1)).get('token');
  if (inAddress !== null) history.replaceState({ linkToken: inAddress }, '', location.pathname);
  token = inAddress ?? history.state?.linkToken ?? '';
}
takeToken();

const VERIFY = `mutation VerifyEmail($input: VerifyEmailInput!) {
  verifyEmail(input: $input) { __typename ... on EmailVerified { email } ... on UserError { message } }
}`;
const RESET = `mutation ResetPassword($input: ResetPasswordInput!) {
  resetPassword(input: $input) { __typename ... on PasswordChanged { sessions } ... on SecondFactorRequired { challenge } ... on UserError { message } }
}`;
const REPORT = `mutation ReportSignIn($input: ReportSignInInput!) {
  reportSignIn(input: $input) { __typename ... on SignInReported { emailHint } ... on UserError { message } }
}`;

async function ask(query, input) {
  const response = await fetch('/graphql', {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/graphql-response+json' },
    body: JSON.stringify({ query, variables: { input } }),
  });
  const { data, errors } = await response.json();
  if (errors) throw new Error(errors[0].message);
  return Object.values(data)[0];
}

function attach(form, run) {
  const outcome = form.querySelector('.outcome');
  const button = form.querySelector('[type=submit]');
  const say = (text, kind) => {
    outcome.textContent = text;
    outcome.className = `outcome ${kind}`;
  };
  const showToken = () => {
    say(token ? '' : 'The link is incomplete. Open it from the email again.', 'bad');
    button.disabled = !token;
  };
  showToken();
  addEventListener('hashchange', () => {
    takeToken();
    showToken();
  });
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    button.disabled = true;
    try {
      const { done, text } = await run();
      say(text, done ? 'good' : 'bad');
      if (done) for (const part of form.querySelectorAll('label, input, button')) part.hidden = true;
    } catch (error) {
      const away = error instanceof TypeError || error instanceof SyntaxError;
      say(away ? 'The service isn’t responding. Try again in a moment.' : error.message, 'bad');
    }
    button.disabled = false;
  });
}

const password = document.getElementById('password');
document.getElementById('show')?.addEventListener('change', ({ target }) => {
  password.type = target.checked ? 'text' : 'password';
});

const verify = document.getElementById('verify');
if (verify) {
  attach(verify, async () => {
    const result = await ask(VERIFY, { token, password: password.value });
    const done = result.__typename === 'EmailVerified';
    return { done, text: done ? `${result.email} is verified. You can close this page and sign in.` : result.message };
  });
}

const reset = document.getElementById('reset');
if (reset) {
  const second = document.getElementById('second');
  const code = document.getElementById('code');
  const send = (more) => ask(RESET, { token, password: password.value, ...more });
  attach(reset, async () => {
    const answer = code.value.replace(/\s/g, '');
    // Each attempt has a challenge of its own: they expire while the user looks for a code.
    let result = await send({});
    if (answer && result.__typename === 'SecondFactorRequired') {
      const secondFactor = /^\d{6}$/.test(answer) ? { totpCode: answer } : { recoveryCode: answer };
      result = await send({ challenge: result.challenge, secondFactor });
    }
    if (result.__typename === 'SecondFactorRequired') {
      second.hidden = false;
      code.required = true;
      code.focus();
      return { done: false, text: 'Your account has a second factor. Enter a code too.' };
    }
    if (result.__typename === 'InvalidSecondFactor') code.value = '';
    const done = result.__typename === 'PasswordChanged';
    return { done, text: done ? 'Your password was changed, and all devices were signed out. Sign in with your new password.' : result.message };
  });
}

const report = document.getElementById('report');
if (report) {
  attach(report, async () => {
    const result = await ask(REPORT, { token });
    const done = result.__typename === 'SignInReported';
    return { done, text: done ? `That session has ended. A link to choose a new password is on its way to ${result.emailHint}.` : result.message };
  });
}
