//! Links of the platform's that sign a person in once (spec 3).

use reqwest::Method;
use serde_json::{Value, json};

use super::Desk;

#[tokio::test]
async fn a_sign_in_link_works_once_also_over_a_crash_and_for_nobody_else() {
    let mut desk = Desk::start().await;
    let make = async |name: &str| {
        let body = json!({ "name": name, "email": format!("{name}+1@x.example") });
        desk.platform_ok(Method::POST, "users", body).await
    };
    let (zoe, tim) = (make("zoe").await, make("tim").await);
    let link = async |desk: &Desk, person: &Value| {
        let shown =
            desk.platform_ok(Method::GET, &format!("users/{}/login", person["id"]), Value::Null).await;
        let url = shown["url"].as_str().unwrap().to_owned();
        url.strip_prefix(desk.server.http()).unwrap().to_owned()
    };
    let open = async |desk: &Desk, path: &str| desk.call(None, Method::GET, path, Value::Null).await;
    let refused = json!({ "success": false, "errors": ["Invalid login credentials. Please try again."] });
    let zoes = link(&desk, &zoe).await;
    let token = zoes.rsplit_once('=').unwrap().1.to_owned();
    assert!(zoes.starts_with("/app/login?email=zoe%2B1%40x.example&sso_auth_token="), "{zoes}");
    // Whoever has only half of it, or another's half, has nothing, and uses nothing up.
    for wrong in [
        json!({}),
        json!({ "email": "zoe+1@x.example" }),
        json!({ "email": "zoe+1@x.example", "sso_auth_token": "x" }),
        json!({ "email": "tim+1@x.example", "sso_auth_token": token }),
        json!({ "email": "nobody@x.example", "sso_auth_token": token }),
    ] {
        let answer = desk.call(None, Method::POST, "/auth/sign_in", wrong.clone()).await;
        assert_eq!(answer, (401, refused.clone()), "{wrong}");
    }
    // Strangers bring no files, not even to be thrown away.
    let form =
        "--x\r\ncontent-disposition: form-data; name=\"file\"; filename=\"x.txt\"\r\n\r\nx\r\n--x--\r\n";
    let request = desk.server.raw(Method::POST, "/auth/sign_in").body(form);
    let request = request.header("content-type", "multipart/form-data; boundary=x");
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 400);
    let tims = link(&desk, &tim).await;
    desk.server.kill_9().await;
    desk.server.restart().await;
    let (status, signed) = open(&desk, &zoes).await;
    assert_eq!((status, &signed["data"]["id"]), (200, &zoe["id"]), "{signed}");
    let access = signed["data"]["access_token"].as_str().unwrap().to_owned();
    let profile =
        async |desk: &Desk| desk.call(Some(&access), Method::GET, "/api/v1/profile", Value::Null).await;
    assert_eq!(profile(&desk).await.1["id"], zoe["id"]);
    assert_eq!(open(&desk, &zoes).await, (401, refused.clone()));
    desk.server.kill_9().await;
    desk.server.restart().await;
    assert_eq!(open(&desk, &zoes).await, (401, refused.clone()), "it stays used up");
    assert_eq!(profile(&desk).await.0, 200);
    let token = tims.rsplit_once('=').unwrap().1;
    let body = json!({ "email": "TIM+1@x.example", "sso_auth_token": token });
    let (status, signed) = desk.call(None, Method::POST, "/auth/sign_in", body).await;
    assert_eq!((status, &signed["data"]["id"]), (200, &tim["id"]), "{signed}");

    // Only for whom the platform made.
    let (_, agent) = desk.call(Some(&desk.agent), Method::GET, "/api/v1/profile", Value::Null).await;
    let foreign = desk.platform(Method::GET, &format!("users/{}/login", agent["id"]), Value::Null).await;
    assert_eq!(foreign, (401, json!({ "error": "Non permissible resource" })));
    assert_eq!(desk.platform(Method::GET, "users/99999/login", Value::Null).await.0, 404);
    let gone = link(&desk, &tim).await;
    desk.platform_ok(Method::DELETE, &format!("users/{}", tim["id"]), Value::Null).await;
    assert_eq!(open(&desk, &gone).await, (401, refused));
}
