import { expect, PASSWORD, signUp, test, unique } from "./support/test.ts";

test("somebody signs up, out and in again", async ({ page }) => {
  const email = `${unique("new").replaceAll(" ", "-")}@example.com`;
  await page.goto("/chat");
  await expect(page).toHaveURL(/\/login\?next=%2Fchat$/);
  await page.getByRole("link", { name: "Create one" }).click();
  await expect(page.getByRole("heading", { name: "Create an account" })).toBeVisible();
  await page.getByLabel("E-mail").fill(email);
  await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await page.getByRole("button", { name: "Create account" }).click();
  await expect(page).toHaveURL(/\/chat$/);
  await page.getByTitle("Account").click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await expect(page).toHaveURL(/\/login/);
  await page.getByLabel("E-mail").fill(email);
  await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("textbox", { name: "Your question" })).toBeVisible();
});

test("a wrong password is said to be one, and after many there is a pause", async ({ page }) => {
  const email = await signUp(page);
  await page.context().clearCookies();
  await page.goto("/login");
  const alert = page.locator("main").getByRole("alert");
  await page.getByLabel("E-mail").fill(email);
  for (let tries = 0; tries < 5; tries += 1) {
    await page.getByLabel("Password", { exact: true }).fill(`wrong ${tries}`);
    await page.getByRole("button", { name: "Sign in" }).click();
    await expect(alert).toContainText("do not belong together");
  }
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(alert).toContainText(/Trying again in \d+ min/);
});

test("an address that is taken, and a password that is too common, are said to be so", async ({ page }) => {
  const email = await signUp(page);
  await page.context().clearCookies();
  await page.goto("/signup");
  const alert = page.locator("main").getByRole("alert");
  await page.getByLabel("E-mail").fill(email);
  await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await page.getByRole("button", { name: "Create account" }).click();
  await expect(alert).toContainText("already");
  await page.getByLabel("E-mail").fill(`other-${email}`);
  await page.getByLabel("Password", { exact: true }).fill("password123");
  await page.getByRole("button", { name: "Create account" }).click();
  await expect(alert).toContainText("password");
});

test("no link leads elsewhere after signing in", async ({ page }) => {
  const email = await signUp(page);
  await page.context().clearCookies();
  await page.goto(`/login?next=${encodeURIComponent("https://evil.example/")}`);
  await page.getByLabel("E-mail").fill(email);
  await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page).toHaveURL(/\/chat$/);
});

test("no token is where a script could find it later", async ({ chat, page }) => {
  await chat.hear(unique("storage"));
  const kept = await page.evaluate(async () => {
    const databases = (await indexedDB.databases()).map(({ name }) => name);
    return JSON.stringify([
      { ...localStorage },
      { ...sessionStorage },
      document.cookie,
      databases,
      history.state,
    ]);
  });
  expect(kept).not.toMatch(/eyJ|dsr1_|Bearer/);
  const [cookie] = await page.context().cookies();
  expect(cookie).toMatchObject({
    name: "__Host-deeper_refresh",
    httpOnly: true,
    secure: true,
    sameSite: "Strict",
    path: "/",
  });
});

test("a token that the server refuses in mid-chat is exchanged, and nobody notices", async ({
  chat,
  page,
}) => {
  await chat.hear(unique("before"));
  const spoil = async (path: string) =>
    page.route(
      path,
      (route) => route.continue({ headers: { ...route.request().headers(), authorization: "Bearer ended" } }),
      { times: 1 },
    );
  await spoil("**/v1/chat");
  const question = unique("with an old token");
  await chat.hear(question);
  await expect(chat.last).toContainText(`You said: ${question}.`);
});

test("five tabs whose tokens end at once all stay signed in", async ({ chat, context, tab }) => {
  await chat.hear(unique("five"));
  let refreshes = 0;
  context.on("request", (request) => {
    refreshes += request.url().endsWith("/v1/auth/refresh") ? 1 : 0;
  });
  // Each has a conversation of its own: whoever sees an answer come cannot ask at that moment.
  const tabs = [chat, ...(await Promise.all([1, 2, 3, 4].map(() => tab(context, "/chat"))))];
  await Promise.all(
    tabs.map((each) => expect(each.page.getByRole("button", { name: "Model: plain:1b" })).toBeVisible()),
  );
  const before = refreshes;
  // An hour later, as far as the tabs can tell.
  await Promise.all(tabs.map((each) => each.page.clock.setSystemTime(Date.now() + 3_600_000)));
  const questions = tabs.map((_, index) => unique(`tab ${index}`));
  await Promise.all(tabs.slice(0, 3).map((each, index) => each.ask(questions[index] ?? "")));
  await Promise.all(tabs.slice(3).map((each) => each.page.getByRole("button", { name: "Search" }).click()));
  await Promise.all(
    tabs.slice(3).map(async (each) => {
      await each.page.getByRole("combobox", { name: "Search all conversations" }).fill("five");
      await expect(each.page.getByRole("option").first()).toBeVisible();
    }),
  );
  for (const [index, each] of tabs.slice(0, 3).entries()) {
    await expect(each.page.locator("main")).toContainText(`You said: ${questions[index]}.`);
  }
  expect(refreshes - before).toBeLessThanOrEqual(5);
  expect(refreshes - before).toBeGreaterThan(0);
});

test("a network that drops in a refresh signs nobody out", async ({ chat, page }) => {
  await chat.hear(unique("refresh"));
  // The server exchanges the token, and its answer is lost.
  await page.route(
    "**/v1/auth/refresh",
    async (route) => {
      await route.fetch();
      await route.abort("connectionreset");
    },
    { times: 1 },
  );
  await page.reload();
  await chat.settled();
  await expect(page).toHaveURL(/\/chat\?id=/);
});

test("a session that was ended elsewhere ends here, and what was typed is there after signing in", async ({
  chat,
  account,
  page,
  browser,
}) => {
  await chat.hear(unique("ended"));
  const address = page.url();
  const elsewhere = await browser.newContext({ baseURL: new URL(address).origin });
  const response = await elsewhere.request.post("/v1/auth/login", {
    data: { email: account, password: PASSWORD },
  });
  const { access_token } = (await response.json()) as { access_token: string };
  await elsewhere.request.delete("/v1/auth/sessions", {
    headers: { authorization: `Bearer ${access_token}` },
  });
  await elsewhere.close();

  const question = unique("never sent");
  // The server may believe in a session for five seconds more.
  await expect
    .poll(async () => {
      await page.reload();
      await expect(
        page.getByRole("textbox", { name: "Your question" }).or(page.getByLabel("E-mail")),
      ).toBeVisible();
      return page.url();
    })
    .toContain("/login");
  await page.getByLabel("E-mail").fill(account);
  await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page).toHaveURL(address);
  await chat.settled();

  await chat.question.fill(question);
  await page.context().clearCookies();
  await page.clock.setSystemTime(Date.now() + 3_600_000);
  await page.getByRole("button", { name: "Send" }).click();
  await expect(page).toHaveURL(/\/login\?next=/);
  await page.getByLabel("E-mail").fill(account);
  await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page).toHaveURL(address);
  await expect(chat.question).toHaveValue(question);
});

test("who signs in next sees nothing of who was here before", async ({ chat, page }) => {
  const question = unique("private");
  await chat.hear(question);
  const address = page.url();
  await page.getByTitle("Account").click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await page.getByRole("link", { name: "Create one" }).click();
  await expect(page.getByRole("heading", { name: "Create an account" })).toBeVisible();
  await page.getByLabel("E-mail").fill(`${unique("next").replaceAll(" ", "-")}@example.com`);
  await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await page.getByRole("button", { name: "Create account" }).click();
  await expect(chat.question).toBeVisible();
  // Without loading the page again, which would forget all by itself.
  await expect(page.getByRole("link", { name: question })).toHaveCount(0);
  await page.evaluate((url) => history.pushState(null, "", url), address);
  await expect(page.getByText("This conversation does not exist")).toBeVisible();
  await expect(page.getByText(question)).toHaveCount(0);
});

test("signing out in one tab signs all tabs out", async ({ chat, page, context, tab }) => {
  const second = await tab(context, "/settings");
  await expect(second.page.getByRole("heading", { name: "Devices" })).toBeVisible();
  await page.getByTitle("Account").click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await expect(page).toHaveURL(/\/login/);
  await expect(second.page).toHaveURL(/\/login\?next=%2Fsettings/);
  expect(chat).toBeDefined();
});
